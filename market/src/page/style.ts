/** Colours of both series keep their distance in both schemes, also for colour-blind eyes: blue and orange. */
export const PageStyle = `
:root { color-scheme: light dark; --page: #ffffff; --card: #f6f7f9; --text: #1b1f24; --soft: #57606a; --line: #d8dee4;
    --series-0: #1f6feb; --series-1: #d9730d; --warn: #9a3412; }
@media (prefers-color-scheme: dark) {
    :root { --page: #0f1318; --card: #171c23; --text: #e6edf3; --soft: #9aa5b1; --line: #2d353f; --series-0: #58a6ff;
        --series-1: #f0a04b; --warn: #ffb38a; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1200px; padding: 24px 16px 64px; background: var(--page); color: var(--text);
    font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; }
h1 { font-size: 26px; margin: 0 0 8px; }
h2 { font-size: 18px; margin: 40px 0 4px; }
h3 { font-size: 15px; margin: 0 0 2px; }
p { margin: 4px 0; max-width: 90ch; }
p, .label { color: var(--soft); overflow-wrap: anywhere; }
.warn { color: var(--warn); font-weight: 600; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 380px), 1fr)); gap: 16px; margin-top: 24px; }
.chart { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 14px; min-width: 0; }
.label { font-size: 13px; }
.canvas { position: relative; height: 260px; margin-top: 10px; }
.scroll { overflow-x: auto; margin-top: 8px; border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th, td { padding: 6px 10px; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap; }
tbody tr:last-child td { border-bottom: 0; }
thead th { background: var(--card); color: var(--soft); font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
td[title] { cursor: help; }
`;
