// Who looks long at what the server holds for them keeps it; who left doesn't.

const RENEW_MS = 240_000; // well within the time for which the server holds samples for a person
const AWAY_MS = 900_000;

export class Leases {
  #askedAt = 0;
  #activeAt = Date.now();
  #isInView;
  #renew;

  /**
   * `isInView()` says whether the page can be seen; `renew()` is called when it is time to say what is still held.
   *
   * @param {{ isInView: () => boolean, renew: () => unknown }} options
   */
  constructor({ isInView, renew }) {
    this.#isInView = isInView;
    this.#renew = renew;
    for (const sign of ["keydown", "pointerdown"]) {
      addEventListener(sign, () => {
        this.#activeAt = Date.now();
      });
    }
    setInterval(() => this.#look(), RENEW_MS / 4);
  }

  /** What is held has just been said. */
  said() {
    this.#askedAt = Date.now();
  }

  #look() {
    const now = Date.now();
    const isWorking = this.#isInView() && now - this.#activeAt < AWAY_MS;
    if (isWorking && now - this.#askedAt > RENEW_MS) this.#renew();
  }
}
