// A part of an image, shown exactly: the frame takes its shape, and the image is laid out so that just it is seen.

export const WHOLE = [0, 0, 1, 1];
const SIZES = [256, 512, 1280]; // derivatives the server has, pixels of the long side

/**
 * Show just `box` ([left, top, width, height], fractions of the image; null = all of it) of an image of
 * `width` × `height` pixels. The frame becomes as large as fits into its parent, which needs a size of its own and
 * `container-type: size` (the class `crop-ground`). Works for any element that is to be laid out like the image.
 */
export function cropInto(image, frame, box, width, height) {
  const [left, top, across, down] = box ?? WHOLE;
  const ratio = (across * width) / (down * height);
  const percent = (share) => `${100 * share}%`;
  Object.assign(frame.style, {
    position: "relative",
    overflow: "hidden",
    aspectRatio: String(ratio),
    width: `min(100cqw, calc(100cqh * ${ratio}))`,
  });
  Object.assign(image.style, {
    position: "absolute",
    left: percent(-left / across),
    top: percent(-top / down),
    width: percent(1 / across),
    height: percent(1 / down),
    maxWidth: "none",
    objectFit: "fill",
  });
}

/** The box with a margin around it (a share of its longer side), as far as the image goes. */
export function withMargin(box, margin, width, height) {
  const [left, top, across, down] = box;
  const pad = margin * Math.max(across * width, down * height);
  const from = [Math.max(0, left - pad / width), Math.max(0, top - pad / height)];
  const to = [Math.min(1, left + across + pad / width), Math.min(1, top + down + pad / height)];
  return [...from, to[0] - from[0], to[1] - from[1]];
}

/** The smallest derivative in which the part shown still has `pixels` on its long side. */
export function derivativeFor({ box, width, height }, pixels) {
  const [, , across, down] = box ?? WHOLE;
  const share = Math.max(across * width, down * height) / Math.max(width, height);
  return SIZES.find((size) => size * share >= pixels) ?? SIZES.at(-1);
}
