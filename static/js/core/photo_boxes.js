// The boxes of the photographs that this page holds: each is a subject of decisions, which are where it is. No network,
// no DOM.

/** @param {Box | null} box */
const placed = (box) => (box ? { verdict: "place", classes: [], box } : null);

export class PhotoBoxes {
  /** @type {Map<number, BoxSubject[]>} */
  #of = new Map(); // by photograph
  /** @type {Map<number, number>} */
  #photos = new Map(); // the photograph of a sample
  /** @type {(uuid: string) => boolean} */
  #isPending;

  /**
   * `isPending(uuid)`: whether what was sent with that UUID is not settled.
   *
   * @param {(uuid: string) => boolean} isPending
   */
  constructor(isPending) {
    this.#isPending = isPending;
  }

  /**
   * Take in what the server says of a sample's photograph; what was done here and isn't settled stays as it is here.
   *
   * @param {Sample} sample
   */
  learn({ sample, photo, boxes = [] }) {
    if (photo === undefined) return;
    this.#photos.set(sample, photo);
    const known = this.#of.get(photo) ?? [];
    this.#of.set(photo, known);
    const told = new Set(boxes.map((each) => each.sample));
    for (const each of known) {
      if (each.part !== null && !told.has(each.part) && !this.#isWaiting(each)) this.#is(each, null, each.lastUuid);
    }
    for (const { sample: part, box, edit } of boxes) {
      const there = known.find((each) => each.part === part);
      if (!there) known.push(this.#subject(sample, photo, part, box, edit));
      else if (!this.#isWaiting(there)) this.#is(there, box, edit);
    }
  }

  /**
   * Those that are there, of a photograph.
   *
   * @param {number | undefined} photo
   */
  of(photo) {
    return (this.#of.get(photo ?? -1) ?? []).filter(({ stands }) => stands?.box);
  }

  /**
   * The box that a sample is; null where it is none.
   *
   * @param {number} sample
   */
  ofSample(sample) {
    const boxes = this.#of.get(this.#photos.get(sample) ?? -1) ?? [];
    return boxes.find(({ part }) => part === sample) ?? null;
  }

  /**
   * A new box, which is nowhere yet.
   *
   * @param {Entry} entry  a sample of the photograph
   * @returns {BoxSubject}
   */
  make({ sample, photo = -1 }) {
    const made = this.#subject(sample, photo, null, null, null);
    this.#of.get(photo)?.push(made);
    return made;
  }

  /**
   * The server answered for an event. Returns the number of the sample where this page drew it, else null.
   *
   * @param {{ uuid: string, status: number, event: SaveEvent, label?: Stored | null, current?: Stored | null }} settled
   */
  settled({ uuid, status, event, label, current }) {
    if (event.kind !== "box") return null;
    const stored = (status < 400 ? label : current) ?? null;
    const part = stored?.sample ?? event.part ?? null;
    const own = this.#spokenOf(event, part);
    if (!own) {
      this.#hear(event, stored);
      return null;
    }
    const isDrawn = own.part === null && part !== null;
    if (isDrawn) {
      own.part = part;
      this.#photos.set(part, own.photo);
    }
    if (stored) own.kept = { box: stored.box ?? null, uuid: stored.uuid };
    const isLast = own.lastUuid === uuid || !this.#isWaiting(own);
    if (isLast) this.#is(own, own.kept.box, own.kept.uuid);
    return isDrawn && own.stands?.box ? part : null;
  }

  /**
   * @param {SaveEvent} event
   * @param {number | null} part
   */
  #spokenOf({ uuid, sample }, part) {
    const boxes = this.#of.get(this.#photos.get(sample) ?? -1) ?? [];
    return boxes.find(({ uuids }) => uuids.has(uuid)) ?? boxes.find((each) => part !== null && each.part === part);
  }

  /**
   * Another tab drew a box of a photograph that this one holds, too.
   *
   * @param {SaveEvent} event
   * @param {Stored | null} stored
   */
  #hear(event, stored) {
    const photo = this.#photos.get(event.sample);
    if (photo === undefined || !stored?.box || !stored.sample) return;
    this.#photos.set(stored.sample, photo);
    this.#of.get(photo)?.push(this.#subject(event.sample, photo, stored.sample, stored.box, stored.uuid));
  }

  /** @param {BoxSubject} each */
  #isWaiting({ lastUuid }) {
    return lastUuid !== null && this.#isPending(lastUuid);
  }

  /**
   * @param {BoxSubject} subject
   * @param {Box | null} box
   * @param {string | null} uuid
   */
  #is(subject, box, uuid) {
    Object.assign(subject, { stands: placed(box), lastUuid: uuid, kept: { box, uuid } });
  }

  /**
   * @param {number} sample
   * @param {number} photo
   * @param {number | null} part
   * @param {Box | null} box
   * @param {string | null} uuid
   * @returns {BoxSubject}
   */
  #subject(sample, photo, part, box, uuid) {
    const nothing = { draft: null, isDone: false, blind: true };
    return {
      kind: "box",
      sample,
      photo,
      part,
      stands: placed(box),
      lastUuid: uuid,
      kept: { box, uuid },
      uuids: new Set(),
      ...nothing,
    };
  }
}
