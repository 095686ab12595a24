// Off the page's thread: {id, addresses, at} -> {id, width, height, pixels} or {id, failed}.

import { differenceTo, medianOf } from "./median.js";

/** @type {Map<string, ImageData>} */
let pictures = new Map(); // address -> ImageData, of the last burst only
/** @type {Map<string, Uint8ClampedArray>} */
let medians = new Map(); // the addresses it is of -> median
let last = Promise.resolve();

addEventListener("message", ({ data }) => {
  last = last.then(() => answer(data));
});

/** @param {{ id: number, addresses: string[], at: string }} question */
async function answer({ id, addresses, at }) {
  try {
    const known = pictures;
    const found = await Promise.all(addresses.map(async (address) => known.get(address) ?? (await read(address))));
    pictures = new Map(addresses.map((address, at) => [address, found[at]]));
    const key = [...addresses].sort().join(" ");
    const median = medians.get(key) ?? medianOf([...pictures.values()].map((picture) => picture.data));
    medians = new Map([[key, median]]);
    const { width, height, data } = pictures.get(at) ?? (await read(at));
    const pixels = differenceTo(median, data);
    postMessage({ id, width, height, pixels }, [pixels.buffer]);
  } catch {
    postMessage({ id, failed: true });
  }
}

/**
 * @param {string} address
 * @returns {Promise<ImageData>}
 */
async function read(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(response.statusText);
  const bitmap = await createImageBitmap(await response.blob());
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("no canvas");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, context.canvas.width, context.canvas.height);
}
