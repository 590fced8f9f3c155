import { ContextLengthError, EngineError, EngineFailedError, InvalidRequestError, ModelNotFoundError } from '../errors';
import type { UpstreamRefusal } from './connection';

/** What these servers say of a prompt that is too long; their text goes no further than this test. */
const TooLong =
    /context[ _]?(length|size|window)|maximum context|exceed_context_size|longer than the (model|maximum)|too (long|many tokens)/i;

/**
 * @param prompt tokens, as they were counted or bounded.
 * @returns the refusal of a server as an error of ours. Nothing that the server said is in it.
 */
export function refusalError(
    { status, body }: UpstreamRefusal,
    { model, prompt, contextLength }: { model: string; prompt: number; contextLength: number },
): EngineError {
    if ((status === 400 || status === 413 || status === 422) && TooLong.test(body)) {
        return new ContextLengthError(prompt, contextLength);
    }
    switch (status) {
        case 400:
        case 422:
            return new InvalidRequestError(
                'The inference server refuses this request: a field has a value that it does not take.',
                'body',
            );
        case 401:
        case 403:
            return new EngineFailedError(
                `The inference server refuses this worker (${status}): its owner has to set upstream.apiKey.`,
            );
        case 404:
            return new ModelNotFoundError(model, ['nothing at the moment, its server has lost it']);
        case 429:
        case 503:
            return new EngineFailedError(
                `The inference server takes nothing at the moment (${status}). Try again soon.`,
            );
        default:
            return new EngineFailedError(`The inference server answered ${status}. Look at its log.`);
    }
}
