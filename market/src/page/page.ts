import { createHash } from 'node:crypto';
import { CoinSymbol } from '@ton-compute/contracts';
import { MarketView } from '@ton-compute/client';
import { ModelNames } from '../names';
import { Cell, Section, sections } from '../sections';
import { summaryLines } from '../summary';
import { shortTime } from '../text';
import { chartLibrary } from './chart-library';
import { ChartData, chartsOf } from './charts';
import { escapeHtml, scriptJson } from './escape';
import { PageScript } from './script';
import { PageStyle } from './style';

/**
 * @returns one page that needs no other file and no network. All that strangers wrote is escaped; should a way around that
 * be found, the policy in its head runs no script but the page's own two and lets nothing out.
 */
export async function marketPage(view: MarketView, names: ModelNames): Promise<string> {
    const library = await chartLibrary();
    const charts = chartsOf(view, names);
    const policy =
        `default-src 'none'; script-src ${sourceHash(library)} ${sourceHash(PageScript)}; ` +
        `style-src ${sourceHash(PageStyle)}; base-uri 'none'; form-action 'none'`;
    const title = `${CoinSymbol} Compute: the market on ${shortTime(view.network.readAt)} UTC`;
    return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(title)}</title>
<style>${PageStyle}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${summary(view)}
<div class="charts">
${charts.map(chartHtml).join('\n')}
</div>
${sections(view, names).map(sectionHtml).join('\n')}
<script type="application/json" id="data">${scriptJson(charts)}</script>
<script>${library}</script>
<script>${PageScript}</script>
</body>
</html>
`;
}

function summary(view: MarketView): string {
    const [first, ...rest] = summaryLines(view).map(escapeHtml);
    const warning = view.registry.root === 'production' ? '' : ' class="warn"';
    return [`<p${warning}>${first}</p>`, ...rest.map((line) => `<p>${line}</p>`)].join('\n');
}

function chartHtml({ id, title, label, unit }: ChartData): string {
    return (
        `<div class="chart"><h3>${escapeHtml(title)}</h3><div class="label">${escapeHtml(unit)}; ${escapeHtml(label)}</div>` +
        `<div class="canvas"><canvas id="${escapeHtml(id)}" role="img" aria-label="${escapeHtml(`${title}: ${label}`)}">` +
        'The figures are in the tables below.</canvas></div></div>'
    );
}

function sectionHtml({ title, note, head, numbers, rows }: Section): string {
    const style = (index: number) => (numbers.has(index) ? ' class="number"' : '');
    const heading = head.map((text, index) => `<th scope="col"${style(index)}>${escapeHtml(text)}</th>`).join('');
    const cell = ({ text, wide, full }: Cell, index: number) =>
        `<td${style(index)}${full === undefined ? '' : ` title="${escapeHtml(full)}"`}>${escapeHtml(wide ?? text)}</td>`;
    const body = rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n');
    return (
        `<section><h2>${escapeHtml(title)}</h2><p>${escapeHtml(note)}</p>\n` +
        `<div class="scroll"><table><thead><tr>${heading}</tr></thead><tbody>\n${body}\n</tbody></table></div></section>`
    );
}

/** Exactly this source, and no other, may run. */
function sourceHash(source: string): string {
    return `'sha256-${createHash('sha256').update(source, 'utf8').digest('base64')}'`;
}
