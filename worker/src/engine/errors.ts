/** One code for each way in which an engine can refuse or fail. */
export type EngineErrorCode =
    | 'context_length_exceeded'
    | 'model_not_found'
    | 'invalid_request'
    | 'unsupported'
    | 'aborted'
    | 'engine_closed'
    | 'engine_failed'
    | 'invalid_options'
    | 'gpu_required'
    | 'weights_mismatch'
    | 'model_file';

/**
 * Base of all errors that an engine throws on purpose. No message contains a word of a prompt or an answer, so all of
 * them may be logged and shown.
 */
export abstract class EngineError extends Error {
    abstract readonly code: EngineErrorCode;
    /** True when the request is at fault and repeating it unchanged is useless (HTTP 4xx), false otherwise. */
    readonly requestFault: boolean = false;

    constructor(message: string, options?: ErrorOptions) {
        super(message, options);
        this.name = new.target.name;
    }
}

/** The prompt does not leave room for a single token of the answer. */
export class ContextLengthError extends EngineError {
    readonly code = 'context_length_exceeded';
    override readonly requestFault = true;

    constructor(
        readonly promptTokens: number,
        readonly contextLength: number,
    ) {
        super(
            `The input has ${promptTokens} tokens, but the model's context holds ${contextLength} for input and ` +
                'output together. Shorten the input.',
        );
    }
}

/** The request names a model that this engine does not serve. */
export class ModelNotFoundError extends EngineError {
    readonly code = 'model_not_found';
    override readonly requestFault = true;

    constructor(
        readonly model: string,
        readonly available: readonly string[],
    ) {
        super(`The model '${model}' is not served here. Available: ${available.join(', ')}.`);
    }
}

/** A parameter is outside of its range, or the model's chat template refuses the messages. */
export class InvalidRequestError extends EngineError {
    readonly code = 'invalid_request';
    override readonly requestFault = true;

    constructor(
        message: string,
        /** Name of the parameter at fault, as in ChatRequest. */
        readonly parameter: string,
        options?: ErrorOptions,
    ) {
        super(message, options);
    }
}

/** The request is valid, but this backend or this model cannot do it. */
export class UnsupportedError extends EngineError {
    readonly code = 'unsupported';
    override readonly requestFault = true;

    constructor(
        message: string,
        /** What was asked for: 'chat', 'embeddings', or the name of a field in ChatRequest.extra. */
        readonly feature: string,
        options?: ErrorOptions,
    ) {
        super(message, options);
    }
}

/** The caller's signal fired in a call that has no other way to say so. Streams end with 'abort' instead. */
export class AbortedError extends EngineError {
    readonly code = 'aborted';

    constructor() {
        super('The request was aborted by the caller.');
    }
}

/** The engine was closed before or during the request. */
export class EngineClosedError extends EngineError {
    readonly code = 'engine_closed';

    constructor() {
        super('The engine is closed. The worker is shutting down; send the request to another provider.');
    }
}

/** The backend failed in the middle of its work; `cause` has its own error. */
export class EngineFailedError extends EngineError {
    readonly code = 'engine_failed';
}

/** The engine was configured with a value that it cannot have. */
export class EngineOptionsError extends EngineError {
    readonly code = 'invalid_options';
}

/** A GPU was demanded and there is no proof of one. */
export class GpuRequiredError extends EngineError {
    readonly code = 'gpu_required';
}

/** The weights are not the ones that the offer names. */
export class WeightsMismatchError extends EngineError {
    readonly code = 'weights_mismatch';

    constructor(
        readonly path: string,
        readonly expected: string,
        readonly actual: string,
    ) {
        super(
            `The weights in ${path} have SHA-256 ${actual}, but ${expected} was expected. ` +
                'Point the worker at the file that the offer names, or publish an offer with the hash of this one.',
        );
    }
}

/** The model file is missing, not GGUF, cut off, or refused by the backend. */
export class ModelFileError extends EngineError {
    readonly code = 'model_file';

    constructor(
        readonly path: string,
        message: string,
        options?: ErrorOptions,
    ) {
        super(message, options);
    }
}
