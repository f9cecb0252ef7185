// Before anything is drawn: the theme that was chosen, so that no page flashes in the other one.
try {
  var theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch (error) {
  // A browser that keeps nothing: the system's theme.
}
