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

/** @returns the text of anything that was thrown. */
export function messageOf(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}
