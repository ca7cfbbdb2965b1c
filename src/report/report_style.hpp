#pragma once

#include <string_view>

namespace ratiofarm {

/// The page's style sheet; light, readable on paper and on narrow screens.
inline constexpr std::string_view report_style = R"css(
:root { --ink: #1f2430; --soft: #5b6472; --line: #e1e4ea; --back: #f6f7f9; --blue: #0072b2; }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
body { margin: 0; background: var(--back); color: var(--ink);
       font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main, header > div, nav > div { max-width: 1240px; margin: 0 auto; padding: 0 24px; }
header { background: #fff; border-bottom: 1px solid var(--line); padding: 26px 0 20px; }
h1 { font-size: 26px; margin: 0; font-weight: 650; }
header p { margin: 2px 0 0; color: var(--soft); }
nav { position: sticky; top: 0; background: rgba(255, 255, 255, .96); z-index: 2;
      border-bottom: 1px solid var(--line); }
nav > div { display: flex; gap: 20px; overflow-x: auto; white-space: nowrap; }
nav a { padding: 10px 0; color: var(--soft); text-decoration: none; font-size: 14px; }
nav a:hover { color: var(--blue); }
section { background: #fff; border: 1px solid var(--line); border-radius: 10px;
          padding: 20px 24px 24px; margin: 22px 0; scroll-margin-top: 54px; }
h2 { font-size: 19px; margin: 0 0 10px; font-weight: 650; }
h3 { font-size: 16px; margin: 22px 0 6px; font-weight: 650; }
p { margin: 6px 0 10px; max-width: 80ch; }
.note { color: var(--soft); font-size: 13.5px; }
.tiles { display: grid; gap: 14px; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr));
         margin: 8px 0 16px; }
.tile { border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px; }
.tile b { display: block; font-size: 21px; font-weight: 650; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: 13px; }
.tile.main { border-color: var(--blue); box-shadow: inset 3px 0 0 var(--blue); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: 8px 0 14px; font-size: 14px; }
p.caption { color: var(--soft); font-size: 13.5px; margin: 12px 0 -6px; }
th, td { padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); text-align: left;
         vertical-align: top; }
th { font-weight: 600; color: var(--soft); font-size: 13px; vertical-align: bottom; }
th.n, td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th.n { white-space: normal; max-width: 17em; }
td.n + td:not(.n), th.n + th:not(.n) { padding-left: 14px; }
tbody tr:last-child td { border-bottom: 0; }
td:first-child { white-space: nowrap; }
.beside { display: grid; gap: 10px 30px; align-items: start;
          grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); }
.pill { white-space: nowrap; border-radius: 9px; padding: 1px 9px; font-size: 12.5px; font-weight: 600; }
.pill.pass { background: #e0f3ec; color: #006b4f; }
.pill.check { background: #fdebdd; color: #a34600; }
.warnings { background: #fff7e8; border: 1px solid #f0d49a; border-radius: 10px;
            padding: 12px 18px; margin: 22px 0; }
.warnings ul { margin: 4px 0 0; padding-left: 20px; }
.warnings li { white-space: pre-line; }
.figures { display: grid; gap: 18px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 440px), 1fr));
           margin-top: 10px; }
figure { margin: 0; border: 1px solid var(--line); border-radius: 8px; padding: 10px 10px 8px; }
figure { min-width: 0; }
figure svg { display: block; width: 100%; height: auto; }
figcaption { font-size: 13.5px; color: var(--soft); padding: 4px 6px 0; }
.missing { color: #a34600; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: 13px; }
pre { background: var(--back); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px;
      overflow-x: auto; }
summary { cursor: pointer; color: var(--blue); }
footer { color: var(--soft); font-size: 13px; padding: 0 0 30px; }
@page { size: A4; margin: 12mm; }
@media print {
  nav, details:not([open]) { display: none; }
  body { background: #fff; font-size: 10.5px; line-height: 1.35; }
  main, header > div { max-width: none; padding: 0; }
  header { padding: 0 0 6px; }
  section { border: 0; padding: 0; margin: 10px 0; }
  h1 { font-size: 19px; } h2 { font-size: 14px; margin: 0 0 4px; break-after: avoid; }
  h3, p.caption, h2 + p { break-after: avoid; }
  .note, p.caption, table, th, figcaption, code, pre, footer { font-size: 9.5px; }
  .pill { font-size: 8.5px; padding: 0 6px; }
  p { max-width: none; margin: 3px 0 5px; break-inside: avoid; }
  th, td { padding: 1.5px 9px 1.5px 0; }
  tr, figure, .tile { break-inside: avoid; }
  .scroll { overflow: visible; break-inside: avoid; }
  .tiles { gap: 6px; margin: 4px 0 8px; grid-template-columns: repeat(5, 1fr); }
  .tile { padding: 4px 8px; } .tile b { font-size: 13px; } .tile span { font-size: 9px; }
  .beside, .figures { grid-template-columns: 1fr 1fr; gap: 6px 12px; }
  .beside .figures { grid-template-columns: 1fr; }
  .figures.small { grid-template-columns: 1fr 1fr 1fr; }
  figure { border: 0; padding: 0; }
  .warnings { padding: 6px 10px; margin: 8px 0; }
}
@media (max-width: 600px) {
  main, header > div, nav > div { padding: 0 8px; }
  section { padding: 12px 10px 14px; margin: 12px 0; border-radius: 6px; }
  figure { padding: 4px 2px 6px; }
  figure.matrix { overflow-x: auto; }
  figure.matrix svg { width: 500px; }
  .tiles { grid-template-columns: 1fr 1fr; gap: 8px; }
  .tile b { font-size: 17px; }
  .warnings { padding: 8px 10px; overflow-wrap: anywhere; }
  td:first-child { white-space: normal; overflow-wrap: break-word; }
  table.wide, .wide tbody, .wide tr { display: block; }
  .wide thead, .wide td:empty { display: none; }
  .wide tr { border-bottom: 1px solid var(--line); padding: 5px 0; }
  .wide td, td.n + td:not(.n) { padding: 1px 0; }
  .wide td { display: flex; justify-content: space-between; gap: 14px; border: 0; }
  .wide td { text-align: right; white-space: normal; }
  .wide td::before { content: attr(data-label); color: var(--soft); text-align: left; }
  .wide td:first-child { font-weight: 600; }
  table { font-size: 12.5px; } th, td { padding-right: 8px; } th, .pill { font-size: 11.5px; }
}
)css";

}  // namespace ratiofarm
