// Of uPlot, what the progress page uses.
declare class uPlot {
  static paths: { stepped(options: { align: number }): unknown };
  static join(tables: unknown[][]): unknown;
  constructor(options: object, data: unknown, target: Element);
  destroy(): void;
  setSize(size: { width: number; height: number }): void;
}
export default uPlot;
