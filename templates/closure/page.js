
// What is shown stands in the address behind "#", so that a view can be kept, sent and gone back to.

const CLOSURES = readClosures();
const DEFAULTS = {
  platform: CLOSURES[0].platform, group: "tree", zoom: "", package: "", filter: "", sort: "-added",
};

function readState() {
  const given = new URLSearchParams(location.hash.slice(1));
  const state = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS)) {
    state[name] = given.get(name) ?? DEFAULTS[name];
  }
  const closure = CLOSURES.find((each) => each.platform === state.platform) ?? CLOSURES[0];
  return { ...state, platform: closure.platform, closure };
}

function addressOf(changes) {
  const wanted = { ...readState(), ...changes };
  const parts = new URLSearchParams();
  for (const name of Object.keys(DEFAULTS)) {
    if (wanted[name] !== DEFAULTS[name]) {
      parts.set(name, wanted[name]);
    }
  }
  return "#" + parts;
}

function go(changes) {
  location.hash = addressOf(changes);
}

// As `go`, but the browser's way back does not stop there.
function goQuietly(changes) {
  location.replace(addressOf(changes));
}

function make(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function draw(tag, attributes, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// A link to a package's details; where it leads is worked out when it is followed.
function linkTo(each) {
  const link = make("a", { href: "#package=" + encodeURIComponent(each.key) }, each.label);
  link.addEventListener("click", (event) => {
    event.preventDefault();
    go({ package: each.key });
  });
  return link;
}

function showPlatforms(state) {
  const links = CLOSURES.map((closure) => {
    const changes = { platform: closure.platform, zoom: "", package: "" };
    const link = make("a", { href: addressOf(changes) }, closure.platform);
    if (closure === state.closure) {
      link.setAttribute("aria-current", "page");
    }
    return link;
  });
  document.getElementById("platforms").replaceChildren(...(links.length > 1 ? links : []));
}

function counted(count, thing) {
  return count + " " + thing + (count === 1 ? "" : "s");
}

function showTotals({ closure }) {
  const own = sum(closure.packages.map((each) => each.size));
  const files = sum(closure.packages.map((each) => each.files));
  document.getElementById("title").textContent = closure.image + " for " + closure.platform;
  const total = formatSize(own) + " in " + counted(closure.packages.length, "store path") + ", " + counted(files, "file");
  document.getElementById("totals").textContent = [total, ...closure.variants].join("; ");
  const items = Object.entries(closure.kinds).map(([kind, bytes]) =>
    make("li", {}, make("span", { class: "swatch kind-" + kind }), kind + " " + formatSize(bytes)));
  document.getElementById("kinds").replaceChildren(...items);
}

const PARTS = [
  [["platform"], [showPlatforms, showTotals, showTree, showTable]],
  [["platform", "group", "zoom"], [showTreemap]],
  [["platform", "package"], [showDetails, selectInTree, selectInTable]],
  [["platform", "sort", "filter"], [arrangeTable]],
];
let before = {};

function show() {
  const state = readState();
  for (const [names, parts] of PARTS) {
    if (names.some((name) => before[name] !== state[name])) {
      parts.forEach((part) => part(state));
    }
  }
  before = state;
}

startTreemap();
startTree();
startTable();
window.addEventListener("hashchange", show);
show();
