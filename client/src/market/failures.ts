import { ClientError } from '../errors';

/**
 * Ends the whole view when an error has nothing to do with one entry: the API is gone, refuses, or the caller stopped.
 * Everything else is that entry's own problem.
 * @throws the error, or one that says more.
 */
export function throwGeneral(error: unknown, signal?: AbortSignal): void {
    signal?.throwIfAborted();
    if (!(error instanceof ClientError)) {
        return;
    }
    if (error.code === 'chain_unreachable' || error.code === 'invalid_option') {
        throw error;
    }
    if (error.details.status === 429) {
        throw new ClientError(
            'chain_error',
            `The chain's API allows fewer calls than the view makes (${error.message}). Give it a key, or read with ` +
                'less at the same time (parallel).',
            error.details,
            { cause: error },
        );
    }
}
