// Small pictures that are not there yet are being made anew: they are asked for again, a few times. The image in view
// and tiles look after themselves. Plain, for every page has it: a module would be taken for the page's own (started.js).
(() => {
  const RETRY_MS = [2000, 4000, 8000, 16000];
  const PICTURE = /\/samples\/\d+\/(part-)?\d+\.jpg$/;
  const tries = new WeakMap();

  function askAgain(image) {
    const address = image.getAttribute("src");
    const tried = tries.get(image) ?? 0;
    if (!PICTURE.test(address ?? "") || image.dataset.ready || image.closest(".tile") || !RETRY_MS[tried]) return;
    tries.set(image, tried + 1);
    setTimeout(() => {
      if (image.isConnected && image.getAttribute("src") === address) image.src = address;
    }, RETRY_MS[tried]);
  }

  document.addEventListener("error", ({ target }) => target instanceof HTMLImageElement && askAgain(target), true);
  for (const image of document.images) if (image.complete && !image.naturalWidth) askAgain(image);
})();
