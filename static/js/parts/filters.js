// Brightness, contrast and inversion of what is seen; the image itself is never touched.

const BRIGHTNESS = [1, 1.25, 1.6, 2, 3, 0.75, 0.5];
const CONTRAST = [1, 1.25, 1.6, 2, 3, 0.75];

export class Filters {
  #element;
  #brightness = 0;
  #contrast = 0;
  #isInverted = false;

  /** The filter is set as `--image-filter` on the element, for the images in it to use. */
  constructor(element) {
    this.#element = element;
  }

  get brightness() {
    return BRIGHTNESS[this.#brightness];
  }

  get contrast() {
    return CONTRAST[this.#contrast];
  }

  get isInverted() {
    return this.#isInverted;
  }

  /** To the next brightness (by -1: the one before), round and round. */
  brighter(by) {
    this.#brightness = (this.#brightness + by + BRIGHTNESS.length) % BRIGHTNESS.length;
    this.#apply();
  }

  moreContrast(by) {
    this.#contrast = (this.#contrast + by + CONTRAST.length) % CONTRAST.length;
    this.#apply();
  }

  invert() {
    this.#isInverted = !this.#isInverted;
    this.#apply();
  }

  reset() {
    this.#brightness = this.#contrast = 0;
    this.#isInverted = false;
    this.#apply();
  }

  #apply() {
    const parts = [
      this.#isInverted ? "invert(1)" : "",
      this.brightness === 1 ? "" : `brightness(${this.brightness})`,
      this.contrast === 1 ? "" : `contrast(${this.contrast})`,
    ].filter(Boolean);
    if (parts.length) this.#element.style.setProperty("--image-filter", parts.join(" "));
    else this.#element.style.removeProperty("--image-filter");
  }
}
