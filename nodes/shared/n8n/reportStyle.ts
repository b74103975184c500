/** The page's whole style. Contrast is at least 4.5 : 1 for text, in light and in dark. */
export const REPORT_STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --edge: #e3e6eb; --text: #1b2330; --quiet: #5b6675; --grid: #e9ecf1;
  --good: #12805c; --warn: #a15c00; --bad: #c02b2b;
  --c-success: #2f9e6e; --c-not-found: #93a1b3; --c-limited: #e0a020; --c-server: #cf3f3f; --c-network: #8d4fc4;
  --c-body: #d9705f; --c-refused: #5d6b7d; --c-backfill: #3f7fd9; --c-critical: #1c3f77; --c-p95: #3f7fd9; --c-p50: #9dbff0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #11151c; --card: #1a202a; --edge: #2b3340; --text: #e8ecf2; --quiet: #9aa6b6; --grid: #28303c;
    --good: #4cc79a; --warn: #eeb04c; --bad: #ff7b7b;
    --c-success: #3fb583; --c-not-found: #76859a; --c-limited: #e8b13f; --c-server: #e25b5b; --c-network: #a873dd;
    --c-body: #e08a7b; --c-refused: #a9b5c5; --c-backfill: #5a97ea; --c-critical: #b9d4ff; --c-p95: #5a97ea; --c-p50: #3a5f94;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.45 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 40px; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 16px; margin-bottom: 20px; }
h1 { margin: 0; font-size: 22px; font-weight: 650; letter-spacing: -0.01em; }
h2 { margin: 28px 0 12px; font-size: 16px; font-weight: 650; }
header p, footer { color: var(--quiet); margin: 0; font-size: 13px; }
footer { margin-top: 28px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(240px, 1fr)); gap: 12px; margin: 0; padding: 0; list-style: none; }
.tiles li, figure, .table { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; }
.tiles li { padding: 14px 16px; }
.tiles h3 { margin: 0; font-size: 13px; font-weight: 500; color: var(--quiet); }
.tiles strong { display: block; margin: 2px 0; font-size: 24px; font-weight: 650; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
.tiles p { margin: 0; font-size: 13px; color: var(--quiet); }
.good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
.meter { height: 6px; margin: 8px 0 6px; border-radius: 3px; background: var(--grid); overflow: hidden; }
.meter div { height: 100%; background: currentColor; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); gap: 12px; }
figure { margin: 0; padding: 14px 16px 10px; }
figcaption { font-weight: 600; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; margin: 4px 0 6px; padding: 0; list-style: none; font-size: 12px; color: var(--quiet); }
.legend span { display: inline-block; width: 10px; height: 10px; margin-right: 6px; border-radius: 2px; background: var(--color); }
svg { display: block; width: 100%; height: auto; }
svg text { font-size: 11px; fill: var(--quiet); font-variant-numeric: tabular-nums; }
svg .note { font-size: 13px; }
svg rect { fill: var(--color); }
svg .grid line { stroke: var(--grid); }
svg .line path { fill: none; stroke: var(--color); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
svg .line circle { fill: var(--color); }
.success { --color: var(--c-success); } .not-found { --color: var(--c-not-found); } .limited { --color: var(--c-limited); }
.server { --color: var(--c-server); } .network { --color: var(--c-network); } .body { --color: var(--c-body); }
.refused { --color: var(--c-refused); } .backfill { --color: var(--c-backfill); } .critical { --color: var(--c-critical); }
.p95 { --color: var(--c-p95); } .p50 { --color: var(--c-p50); }
.table { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { padding: 9px 16px; text-align: right; white-space: nowrap; border-top: 1px solid var(--edge); }
thead th { border-top: 0; font-size: 12px; font-weight: 500; color: var(--quiet); }
th:first-child { text-align: left; font-weight: 500; }
tbody + tbody tr:first-child > * { border-top-width: 2px; }
@media (max-width: 600px) {
  main { padding: 20px 12px 32px; }
  .tiles { grid-template-columns: 1fr 1fr; }
  .tiles strong { font-size: 20px; }
  svg text { font-size: 13px; }
  th, td { padding: 9px 10px; }
}
@media print { body { background: none; } main { max-width: none; padding: 0; } figure, .tiles li { break-inside: avoid; } }
`;
