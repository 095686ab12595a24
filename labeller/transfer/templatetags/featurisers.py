"""Featurisers as pages name them."""

from django import template

from labeller.transfer import networks

register = template.Library()
register.filter("called", networks.called)
