import { createParser } from 'eventsource-parser';

import { EngineFailedError } from '../errors';

/** The longest event, in characters: a server that goes on without end is cut off. */
const MaxEvent = 8 * 1024 * 1024;

/**
 * Splits an event stream into the data of its events, in the pieces in which they arrived: who takes them asks for the
 * next piece only when it is done with the last.
 * @throws {EngineFailedError} for an event that does not end.
 */
export async function* eventData(body: AsyncIterable<Uint8Array>): AsyncGenerator<string[], void, undefined> {
    let events: string[] = [];
    let open = 0;
    const parser = createParser({ onEvent: ({ data }) => void events.push(data) });
    const decoder = new TextDecoder();
    for await (const part of body) {
        const text = decoder.decode(part, { stream: true });
        parser.feed(text);
        open = events.length > 0 ? text.length : open + text.length;
        if (open > MaxEvent) {
            throw new EngineFailedError('The inference server sends an event without end.');
        }
        if (events.length > 0) {
            const arrived = events;
            events = [];
            yield arrived;
        }
    }
    // A last event whose empty line was lost with the connection is not complete, and is dropped as the standard says.
}
