// Strips and grids: one tab stop for many days, arrows to move, Enter opens the link under the focus.

const areaOf = (day) => day.closest("[data-roving]");
const rowOf = (day) => day.closest("tr, ol");
const daysOf = (row) => [...row.querySelectorAll("a.day")];

// Each area keeps one day in the tab order: where the focus was last, else its newest.
function settle(root = document) {
  for (const area of root.querySelectorAll("[data-roving]")) {
    const days = [...area.querySelectorAll("a.day")];
    const current = days.find((day) => day.getAttribute("tabindex") === "0") ?? days.at(-1);
    for (const day of days) {
      const index = day === current ? "0" : "-1";
      if (day.getAttribute("tabindex") !== index) day.setAttribute("tabindex", index);
    }
  }
}

function go(from, to) {
  if (!to || to === from) return;
  from.setAttribute("tabindex", "-1");
  to.setAttribute("tabindex", "0");
  to.focus();
}

function neighbour(day, rows) {
  const row = rowOf(day);
  const all = [...new Set([...areaOf(day).querySelectorAll("a.day")].map(rowOf))];
  const target = all[all.indexOf(row) + rows];
  if (!target) return day;
  // The days of two rows need not begin alike: count from today.
  const fromToday = daysOf(row).length - daysOf(row).indexOf(day);
  const days = daysOf(target);
  return days[Math.max(0, days.length - fromToday)];
}

document.addEventListener("keydown", (event) => {
  const day = event.target.closest?.("a.day");
  if (!day || !areaOf(day) || event.altKey || event.ctrlKey || event.metaKey) return;
  const days = daysOf(rowOf(day));
  const at = days.indexOf(day);
  const to = {
    ArrowLeft: () => days[at - 1] ?? day,
    ArrowRight: () => days[at + 1] ?? day,
    ArrowUp: () => neighbour(day, -1),
    ArrowDown: () => neighbour(day, 1),
    Home: () => days[0],
    End: () => days.at(-1),
  }[event.key];
  if (!to) return;
  event.preventDefault();
  go(day, to());
});

document.addEventListener("focusin", (event) => {
  const day = event.target.closest?.("a.day");
  if (!day || !areaOf(day)) return;
  for (const other of areaOf(day).querySelectorAll('a.day[tabindex="0"]')) if (other !== day) other.setAttribute("tabindex", "-1");
  day.setAttribute("tabindex", "0");
});

document.addEventListener("htmx:after:swap", () => settle());
settle();
