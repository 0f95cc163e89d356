// Marks the page as one with scripts, says where the reader's clock stands, and copies what a button names.
document.documentElement.classList.add("scripted");

// Lets the server leave a time's zone out where the reader's own clock shows the same.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.includes(`lastgood-zone=${zone};`)) {
  document.cookie = `lastgood-zone=${zone}; path=/; max-age=31536000; samesite=lax`;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copies);
  const said = button.textContent;
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "Copied";
  } catch {
    // Without permission the line is selected instead, one keystroke away from the clipboard.
    getSelection().selectAllChildren(source);
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = said; }, 2000);
});
