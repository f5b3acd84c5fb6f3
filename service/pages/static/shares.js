// Shares in training beside those of now: as a small picture, and as a list.

import { make, makeSvg, percent, short } from "./dom.js";

const WIDTH = 120;
const HEIGHT = 28;

// The legend of the pictures: an outline is training, a filled bar is now, so that nobody needs colour to read them.
export function legend() {
  const sample = (kind) => makeSvg("svg", { viewBox: "0 0 10 10", "aria-hidden": "true" }, rect(kind, 0.5, 0.5, 9, 9));
  return make("p", { class: "legend" }, sample("then"), make("span", {}, "training"), sample("now"), make("span", {}, "now"));
}

// A pair of bars for each bin that is not empty: training on the left, now on the right.
export function picture(bins, label) {
  const [shown, most] = [filled(bins), largest(bins)];
  const step = Math.min(WIDTH / Math.max(shown.length, 1), 24);
  const width = (step * 0.84) / 2;
  const bars = shown.flatMap(({ training, window }, at) => {
    const high = (share) => ((share ?? 0) / most) * (HEIGHT - 1);
    const bar = (kind, share, x) => rect(kind, x, HEIGHT - 0.5 - high(share), width - 0.6, high(share));
    return [bar("then", training, at * step + 0.5), bar("now", window, at * step + 0.5 + width)];
  });
  const box = { class: "shares", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "xMinYMax", role: "img" };
  return makeSvg("svg", { ...box, "aria-label": label }, ...bars);
}

// The same bins as a list, with names and percentages.
export function list(bins) {
  const most = largest(bins);
  return make("ul", { class: "pairs" }, ...filled(bins).map((bin) => pair(bin, most)));
}

// The bin that has changed most, in words.
export function mostChanged(bins) {
  const change = ({ training, window }) => Math.abs((window ?? 0) - (training ?? 0));
  const known = bins.filter(({ training, window }) => training !== null && window !== null);
  if (!known.length) return "";
  const bin = known.reduce((one, other) => (change(other) > change(one) ? other : one));
  return `${nameOf(bin)}: ${percent(bin.training)} in training, ${percent(bin.window)} now`;
}

function pair(bin, most) {
  const bar = (kind, share, y) => rect(kind, 0, y, ((share ?? 0) / most) * 100, 0.8);
  return make(
    "li",
    {},
    make("span", { class: "bar-name" }, nameOf(bin)),
    makeSvg(
      "svg",
      { class: "pair", "aria-hidden": "true", preserveAspectRatio: "none", viewBox: "0 0 100 2" },
      bar("then", bin.training, 0.1),
      bar("now", bin.window, 1.1),
    ),
    make("span", { class: "bar-value" }, shareOf(bin.training), make("span", { class: "visually-hidden" }, " in training")),
    make("span", { class: "bar-value" }, shareOf(bin.window), make("span", { class: "visually-hidden" }, " now")),
  );
}

const END = new Intl.NumberFormat("en", { maximumSignificantDigits: 4, useGrouping: false });

function nameOf({ value, low, high }) {
  if (value !== null) return value === "" ? "(empty)" : value;
  if (low === null) return high === null ? "all numbers" : `up to ${end(high)}`;
  return high === null ? `above ${end(low)}` : `${end(low)} to ${end(high)}`;
}

function end(value) {
  return Math.abs(value) < 1e-4 || Math.abs(value) >= 1e6 ? short(value) : END.format(value);
}

function shareOf(share) {
  return share === null ? "–" : percent(share);
}

export function filled(bins) {
  return bins.filter(({ training, window }) => training || window);
}

function largest(bins) {
  return Math.max(...bins.flatMap(({ training, window }) => [training ?? 0, window ?? 0])) || 1;
}

function rect(kind, x, y, width, height) {
  return makeSvg("rect", { class: kind, x, y, width: Math.max(width, 0), height: Math.max(height, 0) });
}
