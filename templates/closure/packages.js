
// The table of packages, and what is told of the one that is selected.

const COLUMNS = [
  { name: "name", title: "package", value: (each) => each.label },
  { name: "size", title: "own size", value: (each) => each.size, text: formatSize },
  { name: "added", title: "adds", value: (each) => each.added, text: formatSize },
  { name: "referrers", title: "referrers", value: (each) => each.referrers.length, text: String },
  { name: "references", title: "refers to", value: (each) => each.references.length, text: String },
  { name: "kinds", title: "files", value: (each) => each.files, text: String },
];
const SHOWN_LINKS = 50;
let tableRows = [];

function showTable({ closure }) {
  tableRows = closure.packages.map((each) => {
    const cells = COLUMNS.map((column) => column.text
      ? make("td", { class: "number" }, column.text(column.value(each)))
      : make("td", {}, linkTo(each)));
    const row = make("tr", { "data-key": each.key }, ...cells);
    return { each, row, text: each.label.toLowerCase() };
  });
}

// Sorts and filters; what is equal stays in the order of what it adds.
function arrangeTable({ sort, filter }) {
  const wanted = sort.replace(/^-/, "");
  const column = COLUMNS.find((each) => each.name === wanted) ?? COLUMNS[2];
  const way = sort.startsWith("-") ? -1 : 1;
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = tableRows.filter(({ text }) => words.every((word) => text.includes(word)));
  shown.sort((one, other) => {
    const [left, right] = [column.value(one.each), column.value(other.each)];
    return way * ((left > right) - (left < right)) || one.each.index - other.each.index;
  });
  document.querySelector("#packages tbody").replaceChildren(...shown.map(({ row }) => row));
  document.getElementById("shown").textContent =
    shown.length + " of " + tableRows.length + ", " + formatSize(sum(shown.map(({ each }) => each.size)));
  const input = document.getElementById("filter");
  if (input.value !== filter) {
    input.value = filter;
  }
  for (const head of document.querySelectorAll("#packages th")) {
    const sorted = head.dataset.name === column.name;
    head.setAttribute("aria-sort", sorted ? (way < 0 ? "descending" : "ascending") : "none");
  }
}

function selectInTable(state) {
  for (const { each, row } of tableRows) {
    row.setAttribute("aria-current", String(each.key === state.package));
  }
}

function startTable() {
  const heads = COLUMNS.map((column) => {
    const button = make("button", { type: "button" }, column.title);
    button.addEventListener("click", () => {
      const first = column.text ? "-" + column.name : column.name;
      const second = column.text ? column.name : "-" + column.name;
      goQuietly({ sort: readState().sort === first ? second : first });
    });
    const kind = column.text ? "number" : "";
    return make("th", { scope: "col", class: kind, "data-name": column.name }, button);
  });
  document.querySelector("#packages thead").append(make("tr", {}, ...heads));
  const input = document.getElementById("filter");
  input.addEventListener("input", () => goQuietly({ filter: input.value }));
}

function showDetails(state) {
  const each = state.closure.byKey.get(state.package);
  document.getElementById("details-title").textContent = each ? each.label : "No package selected";
  const body = document.getElementById("details-body");
  if (!each) {
    body.replaceChildren(make("p", { class: "note" },
      "Select one in the table, the treemap or the tree: what brings it, who refers to it."));
    return;
  }
  const links = (indexes) => indexes.map((index) => linkTo(state.closure.packages[index]));
  body.replaceChildren(
    make("p", { class: "faint" }, each.path),
    make("p", {}, formatSize(each.size) + " itself; " + formatSize(each.added)
      + " go if it goes. " + each.files + " files" + (each.bytes ? ": " : ""),
    formatKinds(each.kinds, 9)),
    make("h3", {}, "Shortest chains to it"),
    ...findChains(state.closure, each).map(makeChain),
    ...makeList("Referred to by", links(each.referrers)),
    ...makeList("Refers to", links(each.references)),
  );
  body.scrollTop = 0;
}

function makeChain(chain) {
  const names = chain[0].named;
  const more = chain[0].named_count - names.length;
  const start = (names.join(", ") || "nothing that is left refers to it") + (more > 0 ? " and " + more + " more" : "");
  const items = [make("li", {}, start), ...chain.map((each) => make("li", {}, linkTo(each)))];
  return make("ol", { class: "chain" }, ...items);
}

function makeList(title, links) {
  if (!links.length) {
    return [];
  }
  const items = links.slice(0, SHOWN_LINKS).map((link) => make("li", {}, link));
  if (links.length > SHOWN_LINKS) {
    items.push(make("li", {}, "and " + (links.length - SHOWN_LINKS) + " more"));
  }
  return [make("h3", {}, title + " (" + links.length + ")"), make("ul", {}, ...items)];
}
