import { NoTokens } from '@ton-compute/contracts';

import { inputField } from '../engine-errors';
import { runMetered, RunResult } from '../money/metered-run';
import { Hold } from '../money/tab';
import { WireError } from '../wire-error';
import { bodyHash, StreamHash } from './answer';
import { AnswerFormatter, AnswerShape, sseEvent, StreamEnd } from './answer-formatter';
import { ChatShape } from './chat-answer';
import { parseChatRequest } from './chat-request';
import { CompletionShape } from './completion-answer';
import { parseCompletionRequest } from './completion-request';
import { ServingContext } from './context';
import { logFault } from './faults';
import { GenerationParameters } from './generation-request';
import { openHold } from './open-hold';
import { endedError, PaidHandler, PaidRequest } from './paid-route';
import { refuseAfterWork } from './refuse-after-work';
import { requireModel } from './require-model';

/** POST /v1/chat/completions */
export const chatRoute = generationRoute(parseChatRequest, ChatShape);

/** POST /v1/completions */
export const completionsRoute = generationRoute(parseCompletionRequest, CompletionShape);

/** What one answer is made of. */
type Generation = {
    context: ServingContext;
    paid: PaidRequest;
    parameters: GenerationParameters;
    /** The prompt and one token of the answer are reserved in it. */
    hold: Hold;
    /** Most tokens of the answer. */
    limit: number;
    formatter: AnswerFormatter;
};

/** @returns a route that generates text. */
function generationRoute(parse: (body: Uint8Array) => GenerationParameters, shape: AnswerShape): PaidHandler {
    return async (context, paid) => {
        const parameters = parse(paid.body);
        const { request, stream, includeUsage } = parameters;
        requireModel(paid, request.model);
        const promptTokens = await context.engine.countPromptTokens(request);
        const room = roomForAnswer(context, paid, parameters, promptTokens);
        const first = { ...NoTokens, prompt: BigInt(promptTokens), completion: 1n };
        const hold = await openHold(context, paid.session, first);
        const { maxTokensDefault, maxTokensCap } = context.limits;
        const limit = Math.min(parameters.maxTokens ?? maxTokensDefault, maxTokensCap, room);
        const formatter = new AnswerFormatter(shape, paid.model.id, context.now(), includeUsage);
        const generation = { context, paid, parameters, hold, limit, formatter };
        await (stream ? streamAnswer(generation) : wholeAnswer(generation));
    };
}

/**
 * @returns the most tokens that the context leaves to the answer.
 * @throws {WireError} context_length_exceeded when it leaves none.
 */
function roomForAnswer(
    { engine }: ServingContext,
    { model }: PaidRequest,
    { request }: GenerationParameters,
    promptTokens: number,
): number {
    const { contextLength } = model;
    if (engine.boundsPrompts === true) {
        // The prompt may well be shorter: the backend, which knows, refuses it if it is not.
        return contextLength;
    }
    if (promptTokens >= contextLength) {
        throw new WireError(
            'context_length_exceeded',
            `The input has ${promptTokens} tokens, but the model's context holds ${contextLength} for input and ` +
                'output together. Shorten the input.',
            { param: inputField(request) },
        );
    }
    return contextLength - promptTokens;
}

async function streamAnswer(generation: Generation): Promise<void> {
    const { context, paid, formatter } = generation;
    const { answer } = paid;
    const hash = new StreamHash();
    const send = async (text: string) => {
        if (text !== '') {
            hash.add(text);
            await answer.events(text);
        }
    };
    const result = await generate(generation, {
        text: (event) => send(formatter.event(event)),
        receipt: (receipt) => answer.receipt(receipt),
    });
    const failure = failureOf(context, paid, result);
    if (failure !== null && !answer.streaming) {
        return refuseAfterWork(context, paid, result.tokens, failure);
    }
    if (failure !== null) {
        context.metrics.refused(failure.code);
    }
    const ending =
        failure === null ? formatter.ending(result.finishReason, result.tokens) + StreamEnd : sseEvent(failure.body);
    // The last receipt comes before the last events, which it already covers: readers stop at the end of the stream.
    const exchange = { requestHash: bodyHash(paid.body), answerHash: hash.with(paid.gone.aborted ? '' : ending) };
    const receipt = await context.receipts.issue(paid.session, exchange);
    await answer.receipt(receipt);
    await answer.events(ending);
    answer.end();
}

async function wholeAnswer(generation: Generation): Promise<void> {
    const { context, paid, formatter } = generation;
    const result = await generate(generation, {
        text: (event) => formatter.add(event),
        // There is no place for it before the end; the client finds it at GET /v1/sessions/{address}.
        receipt: () => undefined,
    });
    const failure = failureOf(context, paid, result);
    if (failure !== null) {
        const { completion, reasoning } = result.tokens;
        const partial = completion + reasoning > 0n ? formatter.whole(null, result.tokens) : null;
        return refuseAfterWork(context, paid, result.tokens, failure, partial);
    }
    const body = JSON.stringify(formatter.whole(result.finishReason, result.tokens));
    const exchange = { requestHash: bodyHash(paid.body), answerHash: bodyHash(body) };
    paid.answer.whole(200, body, await context.receipts.issue(paid.session, exchange));
}

async function generate(
    { context, paid, parameters, hold, limit }: Generation,
    sink: Parameters<typeof runMetered>[0]['sink'],
): Promise<RunResult> {
    const { engine, limits, receipts, metrics, logger } = context;
    const started = performance.now();
    let firstAt: number | null = null;
    let firstTokens = 0;
    const result = await runMetered({
        engine,
        session: paid.session,
        request: { ...parameters.request, maxTokens: limit },
        hold,
        limit,
        receipts,
        voucherWait: limits.voucherWaitSeconds,
        idle: limits.idleSeconds,
        signal: paid.signal,
        sink: {
            ...sink,
            text: (event) => {
                if (firstAt === null) {
                    firstAt = performance.now();
                    firstTokens = event.completionTokens;
                    metrics.firstToken((firstAt - started) / 1000);
                }
                return sink.text(event);
            },
        },
        onUnexpected: (error) => logFault(logger, error),
    });
    metrics.used(result.tokens);
    if (firstAt !== null) {
        metrics.answerSpeed(Number(result.tokens.completion) - firstTokens, (performance.now() - firstAt) / 1000);
    }
    return result;
}

/** @returns why the answer is not complete; null when it is. */
function failureOf(context: ServingContext, paid: PaidRequest, result: RunResult): WireError | null {
    if (result.failure !== null) {
        return result.failure;
    }
    return result.finishReason === 'abort' ? endedError(context, paid) : null;
}
