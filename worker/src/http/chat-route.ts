import { NoTokens } from '@ton-compute/contracts';

import { TextEvent } from '../engine/engine';
import { runMetered, RunResult } from '../money/metered-run';
import { Hold } from '../money/tab';
import { WireError } from '../wire-error';
import { bodyHash, StreamHash } from './answer';
import { ChatFormatter, sseEvent, StreamEnd } from './chat-answer';
import { ChatParameters, parseChatRequest } from './chat-request';
import { ServingContext } from './context';
import { logFault } from './faults';
import { openHold } from './open-hold';
import { endedError, PaidHandler, PaidRequest } from './paid-route';
import { refuseAfterWork } from './refuse-after-work';

/** POST /v1/chat/completions */
export const chatRoute: PaidHandler = async (context, paid) => {
    const parameters = parseChatRequest(paid.body);
    requireModel(paid, parameters.request.model);
    const promptTokens = await context.engine.countPromptTokens(parameters.request);
    const { contextLength } = paid.model;
    if (promptTokens >= contextLength) {
        throw new WireError(
            'context_length_exceeded',
            `The input has ${promptTokens} tokens, but the model's context holds ${contextLength} for input and ` +
                'output together. Shorten the input.',
            { param: 'messages' },
        );
    }
    const hold = await openHold(context, paid.session, { ...NoTokens, prompt: BigInt(promptTokens), completion: 1n });
    const { maxTokensDefault, maxTokensCap } = context.limits;
    const asked = parameters.maxTokens ?? maxTokensDefault;
    const limit = Math.min(asked, maxTokensCap, contextLength - promptTokens);
    const formatter = new ChatFormatter(paid.model.id, context.now(), parameters.includeUsage);
    const answer = parameters.stream ? streamAnswer : wholeAnswer;
    await answer(context, paid, parameters, hold, limit, formatter);
};

/** @throws {WireError} when the session is about another model. */
export function requireModel(paid: PaidRequest, model: string): void {
    if (model !== paid.model.id) {
        throw new WireError(
            'model_not_found',
            `This session is for the model '${paid.model.id}'. Ask for that one, or open a session for another.`,
            { param: 'model' },
        );
    }
}

type Answering = (
    context: ServingContext,
    paid: PaidRequest,
    parameters: ChatParameters,
    hold: Hold,
    limit: number,
    formatter: ChatFormatter,
) => Promise<void>;

const streamAnswer: Answering = async (context, paid, parameters, hold, limit, formatter) => {
    const { answer } = paid;
    const hash = new StreamHash();
    const send = async (text: string) => {
        if (text !== '') {
            hash.add(text);
            await answer.events(text);
        }
    };
    const result = await generate(context, paid, parameters, hold, limit, {
        text: (event) => send(formatter.chunk(event)),
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
};

const wholeAnswer: Answering = async (context, paid, parameters, hold, limit, formatter) => {
    let text = '';
    const result = await generate(context, paid, parameters, hold, limit, {
        text: (event: TextEvent) => {
            text += event.text;
        },
        // There is no place for it before the end; the client finds it at GET /v1/sessions/{address}.
        receipt: () => undefined,
    });
    const failure = failureOf(context, paid, result);
    if (failure !== null) {
        const partial = result.tokens.completion > 0n ? formatter.whole(text, null, result.tokens) : null;
        return refuseAfterWork(context, paid, result.tokens, failure, partial);
    }
    const body = JSON.stringify(formatter.whole(text, result.finishReason, result.tokens));
    const exchange = { requestHash: bodyHash(paid.body), answerHash: bodyHash(body) };
    paid.answer.whole(200, body, await context.receipts.issue(paid.session, exchange));
};

async function generate(
    context: ServingContext,
    paid: PaidRequest,
    { request }: ChatParameters,
    hold: Hold,
    limit: number,
    sink: Parameters<typeof runMetered>[0]['sink'],
): Promise<RunResult> {
    const { engine, limits, receipts, metrics, logger } = context;
    const started = performance.now();
    let firstAt: number | null = null;
    let firstTokens = 0;
    const result = await runMetered({
        engine,
        session: paid.session,
        request: { ...request, maxTokens: limit },
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
