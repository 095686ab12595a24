// What moved in a burst: a frame's difference to the per-pixel median of its neighbours in time. No DOM.

export const FEWEST = 3; // of two frames nobody can tell which one holds the animal
export const MOST = 10;
const GAIN = 3; // a fur's difference to dry grass is small
const CHANNELS = 4;

/**
 * Up to MOST frames of the same size as this one, itself included, nearest in time first.
 *
 * @param {Entry[]} frames
 * @param {Entry} frame
 * @returns {Entry[]}
 */
export function nearestInTime(frames, frame) {
  const here = frames.findIndex(({ sample }) => sample === frame.sample);
  /**
   * @param {Entry} entry
   * @returns {number}
   */
  const time = ({ taken_at: taken }) => (taken ? Date.parse(taken) : NaN);
  /**
   * @param {Entry} other
   * @param {number} at
   */
  const distance = (other, at) => {
    const apart = Math.abs(time(other) - time(frame));
    return [Number.isNaN(apart) ? 0 : apart, Math.abs(at - here)];
  };
  return frames
    .map((other, at) => ({ other, far: distance(other, at) }))
    .filter(({ other }) => other.width === frame.width && other.height === frame.height)
    .sort((one, two) => one.far[0] - two.far[0] || one.far[1] - two.far[1])
    .slice(0, MOST)
    .map(({ other }) => other);
}

/**
 * The median of every byte over pictures of the same size (RGBA); of an even number, the mean of the middle two.
 *
 * @param {Uint8ClampedArray[]} pictures
 */
export function medianOf(pictures) {
  const n = pictures.length;
  const median = new Uint8ClampedArray(pictures[0].length);
  const values = new Uint8Array(n);
  const [low, high] = [(n - 1) >> 1, n >> 1];
  for (let at = 0; at < median.length; at += 1) {
    if (at % CHANNELS === CHANNELS - 1) continue; // opaque all of them
    for (let filled = 0; filled < n; filled += 1) {
      const value = pictures[filled][at];
      let place = filled;
      for (; place > 0 && values[place - 1] > value; place -= 1) values[place] = values[place - 1];
      values[place] = value;
    }
    median[at] = (values[low] + values[high]) / 2;
  }
  return median;
}

/**
 * Grey: how far the channel that differs most is from the median, three times as bright.
 *
 * @param {Uint8ClampedArray} median
 * @param {Uint8ClampedArray} picture
 */
export function differenceTo(median, picture) {
  const grey = new Uint8ClampedArray(picture.length);
  for (let at = 0; at < picture.length; at += CHANNELS) {
    const most = Math.max(
      Math.abs(picture[at] - median[at]),
      Math.abs(picture[at + 1] - median[at + 1]),
      Math.abs(picture[at + 2] - median[at + 2]),
    );
    grey[at] = grey[at + 1] = grey[at + 2] = GAIN * most;
    grey[at + 3] = 255;
  }
  return grey;
}
