// Keeps [data-live] elements fresh, says how long ago times were, and nothing else: every page works without it.
"use strict";

function follow(element) {
  let source = null;
  const status = document.createElement("p");
  status.className = "dim live";
  status.setAttribute("role", "status");
  element.after(status);

  function open() {
    if (source !== null || document.hidden) return;
    source = new EventSource(element.dataset.live);
    source.onmessage = (message) => {
      const fresh = new DOMParser().parseFromString(message.data, "text/html");
      element.replaceChildren(...fresh.body.childNodes);
      sayAges(element);
      status.textContent = "Live: " + new Date().toISOString().slice(11, 19) + " UTC";
      status.classList.remove("lost");
    };
    source.onerror = () => {
      status.textContent = "The service does not answer: these figures are old.";
      status.classList.add("lost");
      if (source !== null && source.readyState === EventSource.CLOSED) {
        close();
        setTimeout(open, 10000);
      }
    };
  }

  function close() {
    if (source !== null) source.close();
    source = null;
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  open();
}

function sayAges(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const seconds = (Date.now() - Date.parse(time.dateTime)) / 1000;
    if (!Number.isFinite(seconds)) continue;
    const size = Math.abs(seconds);
    const said =
      size < 90 ? Math.round(size) + " s" :
      size < 5400 ? Math.round(size / 60) + " min" :
      size < 129600 ? Math.round(size / 3600) + " h" : Math.round(size / 86400) + " d";
    time.title = seconds < 0 ? "in " + said : said + " ago";
  }
}

sayAges(document);
document.querySelectorAll("[data-live]").forEach(follow);
