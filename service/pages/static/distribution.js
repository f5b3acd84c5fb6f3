// A small picture of a feature's distribution in training, with a mark at the value in the form.

import { makeSvg, percent, short } from "./dom.js";

const WIDTH = 120;
const HEIGHT = 28;
const BINS = 20;

// Returns the picture and a function that moves the mark; null if the distribution is not known.
export function distributionOf(feature) {
  if (feature.deciles) return ofNumbers(feature.deciles);
  return feature.shares ? ofShares(feature.shares) : null;
}

function ofNumbers(deciles) {
  const [low, high] = [deciles[0], deciles[10]];
  const bins = histogram(deciles);
  const most = Math.max(...bins);
  const width = WIDTH / BINS;
  const bars = bins.map((share, place) => bar(place * width, width - 1, share / most));
  const mark = makeSvg("line", { class: "mark", y1: 0, y2: HEIGHT, visibility: "hidden" });
  const svg = picture(
    `In training from ${short(low)} to ${short(high)}, half of it below ${short(deciles[5])}`,
    ...bars,
    mark,
  );
  const move = (value) => {
    const inside = typeof value === "number" && value >= low && value <= high;
    const x = inside && high > low ? 1 + ((value - low) / (high - low)) * (WIDTH - 2) : WIDTH / 2;
    mark.setAttribute("visibility", inside ? "visible" : "hidden");
    mark.setAttribute("x1", x);
    mark.setAttribute("x2", x);
  };
  return { svg, move };
}

// Estimates bins: the tenth of the values between two deciles is spread evenly over the bins between them.
function histogram(deciles) {
  const bins = new Array(BINS).fill(0);
  const low = deciles[0];
  const width = (deciles[10] - low) / BINS || 1;
  for (let tenth = 0; tenth < 10; tenth += 1) {
    const [from, to] = [(deciles[tenth] - low) / width, (deciles[tenth + 1] - low) / width];
    const first = Math.min(Math.floor(from), BINS - 1);
    const last = Math.min(Math.floor(to), BINS - 1);
    for (let bin = first; bin <= last; bin += 1) {
      const covered = Math.min(to, bin + 1) - Math.max(from, bin);
      bins[bin] += to > from ? (0.1 * Math.max(covered, 0)) / (to - from) : 0.1;
    }
  }
  return bins;
}

function ofShares(shares) {
  const most = Math.max(...shares.map(([, share]) => share));
  const width = Math.min(WIDTH / shares.length, 24);
  const bars = shares.map(([value, share], place) => {
    const made = bar(place * width, width - Math.min(2, width / 4), share / most);
    made.append(makeSvg("title", {}, `${value}: ${percent(share)}`));
    return made;
  });
  const listed = shares.slice(0, 3).map(([value, share]) => `${value} ${percent(share)}`);
  const svg = picture(`In training, most frequent: ${listed.join(", ")}`, ...bars);
  const move = (value) => {
    const text = typeof value === "boolean" ? (value ? "True" : "False") : String(value);
    shares.forEach(([name], place) => bars[place].classList.toggle("current", name === text));
  };
  return { svg, move };
}

function bar(x, width, share) {
  const height = share > 0 ? Math.max(1, share * HEIGHT) : 0;
  return makeSvg("rect", { x, y: HEIGHT - height, width: Math.max(width, 0.5), height });
}

function picture(label, ...children) {
  return makeSvg(
    "svg",
    { class: "distribution", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label },
    ...children,
  );
}
