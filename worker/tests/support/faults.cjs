// @ts-check
'use strict';

/**
 * Loaded into a worker process with --require: lets a test provoke, by message, what nothing outside can. The errors
 * quote the prompt on purpose: whatever libraries may put into a message must go nowhere.
 */
/** @type {string | null} */
let armed = null;

process.on('message', (/** @type {{ fault: string | null }} */ { fault }) => {
    armed = fault;
    process.send?.('armed');
});

void import('node-llama-cpp').then(({ LlamaContextSequence }) => {
    const { prototype } = LlamaContextSequence;
    const original = prototype.evaluateWithMetadata;
    // @ts-expect-error generic in the original
    prototype.evaluateWithMetadata = function evaluate(tokens, ...rest) {
        const fault = armed;
        armed = null;
        const text = this.model.detokenize(tokens);
        // With a line that looks like a frame of a stack.
        const error = new Error(`cannot decode "${text}"\n    at ${text.replaceAll('\n', ' ')} (prompt:1:1)`);
        if (fault === 'internal_error') {
            throw error;
        }
        if (fault === 'engine_failed') {
            return (async function* fail() {
                throw error;
            })();
        }
        if (fault === 'rejection') {
            void Promise.reject(error);
        }
        return original.call(this, tokens, ...rest);
    };
});
