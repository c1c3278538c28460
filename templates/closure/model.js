
"use strict";

// The closures as the script block holds them, with what can be worked out from it.

const SHOWN_CHAINS = 5;

function readClosures() {
  const { platforms } = JSON.parse(document.getElementById("closure").textContent);
  return platforms.map(prepare);
}

function prepare(closure) {
  const packages = closure.packages;
  packages.forEach((each, index) => {
    each.index = index;
    each.key = each.path.slice(each.path.lastIndexOf("/") + 1);
    each.label = each.version ? each.name + " " + each.version : each.name;
    each.bytes = sum(Object.values(each.kinds));
    each.referrers = [];
    each.dominated = [];
  });
  const tops = [];
  for (const each of packages) {
    each.references.forEach((target) => packages[target].referrers.push(each.index));
    (each.dominator < 0 ? tops : packages[each.dominator].dominated).push(each.index);
  }
  const byKey = new Map(packages.map((each) => [each.key, each]));
  return { ...closure, packages, tops, byKey, distances: measureDistances(packages) };
}

// How many references lie between each package and the roots.
function measureDistances(packages) {
  const distances = new Array(packages.length).fill(-1);
  const queue = packages.filter((each) => each.named).map((each) => each.index);
  queue.forEach((index) => { distances[index] = 0; });
  for (let at = 0; at < queue.length; at += 1) {
    for (const target of packages[queue[at]].references) {
      if (distances[target] < 0) {
        distances[target] = distances[queue[at]] + 1;
        queue.push(target);
      }
    }
  }
  return distances;
}

// Some of the shortest chains of packages from a root to this one.
function findChains(closure, target) {
  const found = [];
  const todo = [[target.index]];
  while (todo.length && found.length < SHOWN_CHAINS) {
    const chain = todo.pop();
    const steps = closure.distances[chain[0]];
    if (steps === 0) {
      found.push(chain.map((index) => closure.packages[index]));
    }
    for (const index of [...closure.packages[chain[0]].referrers].reverse()) {
      if (closure.distances[index] === steps - 1) {
        todo.push([index, ...chain]);
      }
    }
  }
  return found;
}

// A package and those because of which alone it is there, the topmost first.
function findDominators(closure, each) {
  const found = [each];
  while (found[0].dominator >= 0) {
    found.unshift(closure.packages[found[0].dominator]);
  }
  return found;
}

function sum(numbers) {
  return numbers.reduce((total, each) => total + each, 0);
}

function formatSize(bytes) {
  if (bytes < 1000) {
    return bytes + " B";
  }
  let size = bytes;
  for (const unit of ["kB", "MB", "GB"]) {
    size /= 1000;
    if (size < 999.95 || unit === "GB") {
      return size.toFixed(1) + " " + unit;
    }
  }
}

function formatKinds(kinds, limit) {
  const shown = Object.entries(kinds).filter(([, bytes]) => bytes).slice(0, limit);
  return shown.map(([kind, bytes]) => kind + " " + formatSize(bytes)).join(", ");
}
