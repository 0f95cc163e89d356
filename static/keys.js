// Keys made of letters: `?` shows them, `g` and a letter goes to a section. They can be switched off (WCAG 2.1.4).

const dialog = document.getElementById("keys");
const box = document.getElementById("keys-on");
const STORED = "lastgood-keys";
let afterG = 0;

function areOn() {
  try {
    return localStorage.getItem(STORED) !== "off";
  } catch {
    return true;
  }
}

if (box) {
  box.checked = areOn();
  box.addEventListener("change", () => {
    try {
      localStorage.setItem(STORED, box.checked ? "on" : "off");
    } catch {
      // Without storage the choice lasts as long as the page.
    }
  });
}

const isTyping = (element) => element.closest?.("input, select, textarea, [contenteditable]") !== null;

document.addEventListener("click", (event) => {
  if (event.target.closest('[data-opens="keys"]')) {
    document.getElementById("you")?.hidePopover();
    dialog.showModal();
  }
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || !box?.checked || dialog?.open) return;
  if (event.key === "?") {
    event.preventDefault();
    dialog?.showModal();
  } else if (event.key === "g") {
    afterG = event.timeStamp;
  } else if (afterG && event.timeStamp - afterG < 1500) {
    afterG = 0;
    const link = document.querySelector(`.top nav a[data-key="${CSS.escape(event.key)}"]`);
    if (link) {
      event.preventDefault();
      link.click();
    }
  } else {
    afterG = 0;
  }
});
