import { logFault } from './http/faults';
import { Logger } from './logger';

/**
 * Ends the process at an error that nothing has caught. Node would print its message, which may quote a prompt: only
 * its kind and where it happened are logged. The ledger has everything that is worth money.
 */
export function endAtUncaughtErrors(logger: Logger): void {
    // Rejections that nothing handles come here too.
    process.on('uncaughtException', (error) => {
        logFault(logger, error, 'The worker ends: an error was caught by nothing.');
        process.exit(1);
    });
}
