import { ConfigSources } from './config/load';
import { checkGroups, DoctorPrinter, examine, summaryOf } from './doctor';

/**
 * Examines this host and prints what was found, as it is found.
 * @param json prints one JSON object at the end instead: `ok`, `problems`, `warnings`, `findings`.
 * @returns the exit code: 1 when something would stop a new host.
 */
export async function runDoctor(sources: ConfigSources, options: { quick: boolean; json: boolean }): Promise<number> {
    const closing = new AbortController();
    const printer = new DoctorPrinter(process.stdout);
    const stop = () => closing.abort(new Error('Interrupted.'));
    process.once('SIGINT', stop);
    try {
        const grouped: object[] = [];
        const findings = await examine(
            checkGroups,
            {
                sources,
                quick: options.quick,
                signal: closing.signal,
                progress: (text) => (options.json ? undefined : printer.progress(text)),
                facts: {},
            },
            (finding, group) => {
                grouped.push({ group, ...finding });
                if (!options.json) {
                    printer.finding(finding, group);
                }
            },
        );
        const summary = summaryOf(findings);
        if (options.json) {
            const report = { ok: summary.problems === 0, ...summary, findings: grouped };
            process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
        } else {
            printer.summary(summary, sources.file);
        }
        return summary.problems === 0 ? 0 : 1;
    } finally {
        process.off('SIGINT', stop);
        // Ends calls to the chain that still wait for their turn.
        closing.abort();
    }
}
