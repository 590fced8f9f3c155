import { Logger } from '../logger';

/** A frame of a stack: a place in the code, and nothing that was worked on. */
const Frame = /^\s+at .*(:\d+:\d+|<anonymous>|native)\)?$/;

/**
 * Logs an error that nobody expected. Its message may quote what was being worked on, a prompt for instance: only its
 * kind and where it happened are written down.
 */
export function logFault(logger: Logger, error: unknown, what = 'A request failed unexpectedly.'): void {
    const name = error instanceof Error ? error.name : typeof error;
    const frames = error instanceof Error ? framesOf(error) : [];
    logger.error({ error: name, at: frames.slice(0, 8).map((line) => line.trim()) }, what);
}

/** A stack begins with the message, whose lines may look like frames themselves. */
function framesOf({ stack = '', message }: Error): string[] {
    const start = stack.indexOf(message);
    const trace = start === -1 ? stack : stack.slice(start + message.length);
    return trace.split('\n').filter((line) => Frame.test(line));
}
