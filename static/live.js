// Keeps a page true while it is looked at: fetches it anew when the server says that something changed, and says so when
// it no longer can. What changes does not move under the pointer or under the focus.

const page = () => document.getElementById("page");
const STREAM_QUIET = 50_000; // The server says something every 15 s.
const PAGE_OLD = 300_000;
const REFRESH_ANYWAY = 60_000;
const HANDS_OFF = 4_000;

let madeAt = Date.now();
let heardAt = Date.now();
let isWanted = false;
let isFetching = false;
let hasEnded = false;
let touchedAt = 0;

function isInHand() {
  const active = document.activeElement;
  const inField = active?.closest?.("form") && active.matches("input:not([type=hidden]), select, textarea");
  const isOpen = document.querySelector("dialog[open], .menu:popover-open, details[open] form");
  const isSelecting = !getSelection().isCollapsed;
  return inField || isOpen || isSelecting || Date.now() - touchedAt < HANDS_OFF;
}

async function refresh() {
  if (isFetching || hasEnded || document.hidden) return;
  isFetching = true;
  try {
    await htmx.ajax("GET", location.pathname + location.search, { target: "#page", select: "#page", swap: "outerMorph" });
  } finally {
    isFetching = false;
  }
}

// An answer that is not this page (a sign-in page, an error) is not put in its place.
document.addEventListener("htmx:before:swap", (event) => {
  const response = event.detail.ctx?.response;
  if (event.detail.ctx?.target?.id !== "page") return;
  const raw = response?.raw;
  if (!raw || (raw.ok && !raw.redirected)) return;
  event.preventDefault();
  if (raw.redirected || raw.status === 401) hasEnded = true;
});

document.addEventListener("htmx:after:swap", (event) => {
  if (event.detail.ctx?.target?.id !== "page") return;
  madeAt = Date.now();
  isWanted = false;
  const icon = document.querySelector('link[rel="icon"]');
  const wanted = page()?.dataset.icon;
  if (icon && wanted && icon.getAttribute("href") !== wanted) icon.setAttribute("href", wanted);
});

function judge() {
  const now = Date.now();
  const isBroken = now - heardAt > STREAM_QUIET;
  const isOld = now - madeAt > PAGE_OLD;
  const notice = document.getElementById("out-of-date");
  document.documentElement.classList.toggle("out-of-date", isBroken || isOld || hasEnded);
  if (!notice) return;
  const shown = new Date(madeAt).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  let words = "";
  if (hasEnded) words = `Your session has ended. What you see is as it was at ${shown}. Load the page again to sign in.`;
  else if (isBroken || isOld) words = `No connection to the server. What you see is as it was at ${shown}.`;
  if (notice.textContent !== words) notice.textContent = words;
  notice.hidden = words === "";
}

function tick() {
  if (document.hidden) return;
  judge();
  if (Date.now() - madeAt > REFRESH_ANYWAY) isWanted = true;
  if (isWanted && !isInHand()) refresh();
}

if (document.body.hasAttribute("data-live")) {
  for (const kind of ["pointermove", "pointerdown", "keydown", "scroll", "touchstart"]) {
    addEventListener(kind, () => { touchedAt = Date.now(); }, { passive: true, capture: true });
  }
  const stream = document.getElementById("stream");
  stream.addEventListener("alive", () => { heardAt = Date.now(); });
  stream.addEventListener("changed", () => { heardAt = Date.now(); isWanted = true; tick(); });
  stream.setAttribute("hx-sse:connect", "/live");
  htmx.process(stream);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    // Time stood still for the stream while nobody looked.
    heardAt = Date.now();
    isWanted = true;
    tick();
  });
  setInterval(tick, 1000);
}
