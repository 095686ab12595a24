"""Jobs that try, tune and adapt featurisers."""
