// Of panzoom, what the viewer uses.
interface Panzoom {
  getScale(): number;
  getPan(): { x: number; y: number };
  zoom(scale: number): void;
  zoomToPoint(scale: number, point: { clientX: number; clientY: number }): void;
  pan(x: number, y: number, options: { relative: boolean }): void;
  reset(options: { animate: boolean }): void;
}
export default function panzoom(element: Element, options: object): Panzoom;
