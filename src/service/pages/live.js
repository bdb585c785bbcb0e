// Replaces the live part of a page while the page is visible. Everything else works without this script.
"use strict";
(() => {
  const part = document.querySelector("[data-live]");
  if (!part || !part.dataset.live) return;
  const address = "/live?on=" + encodeURIComponent(part.dataset.live);
  let source = null;
  let timer = 0;
  let newest = Number(part.dataset.sequence);
  let failures = 0;
  // A reload while a form is on its way would keep the person on this page.
  let isLeaving = false;
  const stale = document.getElementById("stale");

  // Changes only what differs: a button that is being pressed, or has the focus, stays the same element.
  const change = (old, next) => {
    const before = [...old.childNodes];
    const after = [...next.childNodes];
    after.forEach((node, at) => {
      const was = before[at];
      if (!was) {
        old.append(node);
      } else if (was.nodeName !== node.nodeName || was.id !== node.id) {
        was.replaceWith(node);
      } else if (was.nodeType !== Node.ELEMENT_NODE) {
        if (was.data !== node.data) was.data = node.data;
      } else {
        for (const { name } of [...was.attributes]) {
          if (!node.hasAttribute(name) && name !== "open") was.removeAttribute(name);
        }
        for (const { name, value } of [...node.attributes]) {
          if (was.getAttribute(name) !== value) was.setAttribute(name, value);
        }
        change(was, node);
      }
    });
    before.slice(after.length).forEach((node) => node.remove());
  };

  const show = (update) => {
    // A poll and the stream may overtake each other.
    if (isLeaving || update.sequence <= newest) return;
    newest = update.sequence;
    document.title = update.title;
    const badge = document.getElementById("waiting");
    if (badge) {
      badge.textContent = update.waiting;
      badge.hidden = update.waiting === 0;
    }
    const next = document.createElement("div");
    next.innerHTML = update.html;
    change(part, next);
    // A plan has come, and the form that approves it is outside of the live part.
    if (part.dataset.version !== undefined && part.dataset.version !== update.version) location.reload();
    part.dataset.version = update.version;
  };

  const poll = async () => {
    try {
      const answer = await fetch(address + "&once=yes", { cache: "no-store" });
      if (isLeaving) return;
      if (answer.status === 401) { location.reload(); return; }
      if (answer.ok) { show(await answer.json()); stale.hidden = true; }
    } catch {
      stale.hidden = false;
    }
    if (!document.hidden && !isLeaving) timer = setTimeout(poll, 5000);
  };

  const stop = () => {
    clearTimeout(timer);
    if (source) source.close();
    source = null;
  };

  const start = () => {
    stop();
    if (document.hidden || isLeaving) return;
    if (!window.EventSource || failures > 2) { poll(); return; }
    source = new EventSource(address);
    source.onmessage = (message) => {
      failures = 0;
      stale.hidden = true;
      show(JSON.parse(message.data));
    };
    source.onerror = () => {
      failures += 1;
      stale.hidden = false;
      if (source && (source.readyState === EventSource.CLOSED || failures > 2)) start();
    };
  };

  document.addEventListener("visibilitychange", () => { failures = 0; start(); });
  addEventListener("submit", () => { isLeaving = true; stop(); });
  addEventListener("pagehide", stop);
  addEventListener("pageshow", () => { isLeaving = false; start(); });
})();
