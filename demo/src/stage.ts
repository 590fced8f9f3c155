const started = Date.now();

/** Says what happens now, with the seconds since the start. */
export function step(text: string): void {
    process.stdout.write(`\n[${seconds()} s] ${text}\n`);
}

export function detail(text: string): void {
    process.stdout.write(`          ${text}\n`);
}

function seconds(): string {
    return ((Date.now() - started) / 1000).toFixed(1).padStart(5);
}
