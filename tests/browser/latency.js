// Injected before the page's own scripts: how long keys take, on the page's own account and until they are painted.
(() => {
  const log = (window.latencies = []);
  const picture = () => document.querySelector("[data-testid=stage-image][data-ready=true]")?.dataset.sample ?? null;
  const afterPaint = (act) =>
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => act(performance.now());
      channel.port2.postMessage(0);
    });

  function measure(event) {
    const entry = { type: event.type, key: event.key ?? event.data ?? "", began: event.timeStamp, before: picture() };
    log.push(entry);
    const own = () => {
      void document.body.offsetHeight; // layout belongs to it
      entry.own = performance.now() - event.timeStamp;
      afterPaint((now) => (entry.painted = now - event.timeStamp));
      const another = () => {
        if (picture() !== null && picture() !== entry.before) afterPaint((now) => (entry.next = now - event.timeStamp));
        else if (performance.now() - event.timeStamp < 5000) requestAnimationFrame(another);
      };
      another();
    };
    // Added while the event is on its way down: so after what the page added, on its way up.
    addEventListener(event.type, own, { once: true });
  }

  for (const type of ["keydown", "input"]) addEventListener(type, measure, true);
})();
