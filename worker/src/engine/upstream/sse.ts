import { createParser } from 'eventsource-parser';

import { EngineFailedError } from '../errors';

/** The longest event, in characters: a server that goes on without end is cut off. */
const LongestEvent = 8 * 1024 * 1024;

/** Splits an event stream into the data of its events. */
export class EventSplitter {
    private readonly decoder = new TextDecoder();
    private arrived: string[] = [];
    private tooLong = false;
    private readonly parser = createParser({
        onEvent: ({ data }) => void this.arrived.push(data),
        onError: ({ type }) => {
            this.tooLong ||= type === 'max-buffer-size-exceeded';
        },
        maxBufferSize: LongestEvent,
    });

    /**
     * @param part bytes as they came, cut anywhere.
     * @returns data of the events that became complete. What is left at the end of a stream was not complete, and is
     *     dropped as the standard says.
     * @throws {EngineFailedError} for an event that does not end.
     */
    push(part: Uint8Array): string[] {
        this.parser.feed(this.decoder.decode(part, { stream: true }));
        if (this.tooLong)
            throw new EngineFailedError('The inference server sends an event without end. Look at its log.');
        const { arrived } = this;
        if (arrived.length > 0) this.arrived = [];
        return arrived;
    }
}
