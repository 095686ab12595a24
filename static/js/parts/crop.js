// A part of an image, shown exactly: the frame takes its shape, and the image is laid out so that just it is seen.

import { WHOLE } from "../core/boxes.js";

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
