/**
 * Something that the person who starts the worker has to put right. The message says what happened, what was expected
 * and what to do; the command line prints it alone and exits with `exitCode`.
 */
export class StartError extends Error {
    override readonly name: string = 'StartError';

    constructor(
        message: string,
        readonly exitCode = 1,
        options?: ErrorOptions,
    ) {
        super(message, options);
    }
}

/** A configuration that cannot be used; exit code 2. */
export class ConfigError extends StartError {
    override readonly name = 'ConfigError';

    constructor(message: string) {
        super(message, 2);
    }
}

/** @returns the text of anything that was thrown, with that of its cause. */
export function messageOf(error: unknown): string {
    if (typeof error !== 'object' || error === null || !('message' in error)) {
        return String(error);
    }
    const cause = 'cause' in error && typeof error.cause === 'object' ? error.cause : null;
    return cause !== null && 'message' in cause ? `${error.message}: ${cause.message}` : String(error.message);
}
