// Before the first paint, so that the page does not flash in the other theme.
(() => {
    let theme = null;
    try {
        theme = localStorage.getItem("ticketbus.theme");
    } catch {
        // Storage may be forbidden: follow the system.
    }
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
