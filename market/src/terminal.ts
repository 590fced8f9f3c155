import Table from 'cli-table3';
import { MarketView } from '@ton-compute/client';
import { ModelNames } from './names';
import { Section, sections } from './sections';
import { summaryLines } from './summary';

/** Columns of a terminal that everything fits into. */
export const Width = 120;

/** @returns the view as text for a terminal, without colours. */
export function terminalText(view: MarketView, names: ModelNames): string {
    const parts = sections(view, names).map(sectionText);
    return `${[wrap(summaryLines(view)), ...parts].join('\n\n')}\n`;
}

function sectionText(section: Section): string {
    const roomy = tableText(section, 1);
    const text = roomy.split('\n', 1)[0].length <= Width ? roomy : tableText(section, 0);
    return `${section.title}\n${wrap([section.note])}\n${text}`;
}

/** @param padding blanks on each side of a cell. */
function tableText({ head, numbers, rows }: Section, padding: number): string {
    const table = new Table({
        head,
        colAligns: head.map((_, index) => (numbers.has(index) ? 'right' : 'left')),
        style: { head: [], border: [], compact: true, 'padding-left': padding, 'padding-right': padding },
    });
    rows.forEach((row) => table.push(row.map(({ text }) => text)));
    return table.toString();
}

/** Breaks lines at blanks. */
function wrap(lines: readonly string[]): string {
    return lines
        .map((line) => line.replace(new RegExp(`(?=.{${Width + 1}})(.{1,${Width}})(?:\\s|$)`, 'g'), '$1\n'))
        .join('\n');
}
