/** @returns the message of anything that was thrown, with its cause: fetch says "fetch failed" and hides why there. */
export function reasonOf(error: unknown): string {
    const message = messageOf(error);
    const because = messageOf((error as { cause?: unknown } | null)?.cause);
    return because === '' ? message || String(error) : `${message}: ${because}`;
}

/** By shape and not by class: what fetch throws may come from another realm. */
function messageOf(error: unknown): string {
    const { message, code } = (error ?? {}) as { message?: unknown; code?: unknown };
    return (typeof message === 'string' && message) || (typeof code === 'string' ? code : '');
}
