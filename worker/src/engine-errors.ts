import {
    ChatRequest,
    CompletionRequest,
    ContextLengthError,
    EngineClosedError,
    EngineError,
    InvalidRequestError,
    ModelNotFoundError,
    UnsupportedError,
} from './engine/engine';
import { WireError } from './wire-error';

/** @returns the field of the API that holds what a request asks. */
export function inputField(request: ChatRequest | CompletionRequest): string {
    return 'messages' in request ? 'messages' : 'prompt';
}

/**
 * @param input field of the API that holds what was asked.
 * @returns the refusal of docs/wire.md for whatever came out of the engine or of our own code. The engine promises that
 * its messages quote nothing; of any other error only the kind is told.
 */
export function engineWireError(error: unknown, input = 'messages'): WireError {
    if (error instanceof WireError) {
        return error;
    }
    if (error instanceof ContextLengthError) {
        return new WireError('context_length_exceeded', error.message, { param: input });
    }
    if (error instanceof ModelNotFoundError) {
        return new WireError('model_not_found', error.message, { param: 'model' });
    }
    if (error instanceof InvalidRequestError) {
        return new WireError('invalid_request', error.message, { param: snakeCase(error.parameter) });
    }
    if (error instanceof UnsupportedError) {
        return new WireError('invalid_request', error.message, { param: error.feature });
    }
    if (error instanceof EngineClosedError) {
        return new WireError('draining', error.message, {}, 30);
    }
    if (error instanceof EngineError) {
        return new WireError('engine_failed', error.message, {}, 5);
    }
    return new WireError('internal_error', 'The worker failed at this request. Try again, or choose another provider.');
}

/** The engine's names of parameters as the OpenAI API writes them. */
function snakeCase(name: string): string {
    return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
