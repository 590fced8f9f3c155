import { Logger } from '../logger';

/**
 * Logs an error that nobody expected. Its message may quote what was being worked on, a prompt for instance: only its
 * kind and where it happened are written down.
 */
export function logFault(logger: Logger, error: unknown): void {
    const name = error instanceof Error ? error.name : typeof error;
    const frames = error instanceof Error ? (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)) : [];
    logger.error({ error: name, at: frames.slice(0, 8).map((line) => line.trim()) }, 'A request failed unexpectedly.');
}
