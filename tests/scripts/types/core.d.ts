// What scripts without a DOM may use of a browser beside what its workers have: its memory.
declare const localStorage: { getItem(key: string): string | null; setItem(key: string, value: string): void };
