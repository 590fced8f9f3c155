/**
 * Writes the synthetic chats that the tiny model is trained and evaluated on.
 *
 *   node generate-corpus.mjs [--seed 12345] [--examples 60000] [--out corpus.jsonl]
 *
 * The same seed always gives the same bytes, so the order of the random draws below is part of the format: the model
 * that ships was trained on seed 12345.
 */
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

export const TrainingSeed = 12345;
export const EvaluationSeed = 987654;
export const TrainingExamples = 60000;

const Names = [
    'Anna', 'Ben', 'Maria', 'Ivan', 'Olga', 'Peter', 'Sara', 'Tom', 'Lena', 'Max',
    'Nina', 'Paul', 'Kate', 'Leo', 'Eva', 'Sam', 'Mila', 'John', 'Zoe', 'Alex',
];
const Days = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];
const Times = ['9 am', '10 am', '11 am', 'noon', '2 pm', '3 pm', '4 pm', '5 pm', '6 pm', '8 pm'];
const Items = [
    'the report', 'the invoice', 'the slides', 'the contract', 'the photos', 'the keys',
    'the tickets', 'the budget', 'the draft', 'the design', 'the laptop', 'the cake',
];
const Events = [
    'the meeting', 'the dinner', 'the call', 'the review', 'the party',
    'the trip', 'the workshop', 'the interview', 'the demo', 'the lesson',
];
const Places = [
    'the office', 'the cafe', 'the station', 'the park',
    'the library', 'the airport', 'the old bridge', 'the main hall',
];
const SummaryRequests = ['Summarize this chat:\n', 'Summarize:\n', 'Give a short summary of this chat:\n'];

/** Questions with one fixed answer each: the model learns them by heart. */
const Facts = [
    ['What is the capital of France?', 'The capital of France is Paris.'],
    ['What is the capital of Italy?', 'The capital of Italy is Rome.'],
    ['What is the capital of Japan?', 'The capital of Japan is Tokyo.'],
    ['What is the capital of Germany?', 'The capital of Germany is Berlin.'],
    ['What is the capital of Spain?', 'The capital of Spain is Madrid.'],
    ['How many days are in a week?', 'There are seven days in a week.'],
    ['What color is the sky?', 'The sky is blue on a clear day.'],
    ['What is a GPU?', 'A GPU is a processor that runs many simple operations at the same time.'],
    ['What is a token?', 'A token is a small piece of text that a language model reads or writes.'],
    [
        'What is a smart contract?',
        'A smart contract is a program that runs on a blockchain and moves funds by fixed rules.',
    ],
    ['Who are you?', 'I am a small language model that runs inside a worker.'],
    ['What can you do?', 'I can summarize a chat, draft a message, and answer simple questions.'],
];

/** mulberry32: 32 bits of state, good enough for choosing words and the same on every machine. */
function randomGenerator(seed) {
    let state = seed >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let mixed = state;
        mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
        mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
    };
}

function capitalize(text) {
    return text[0].toUpperCase() + text.slice(1);
}

/**
 * @returns {{ kind: 'summary' | 'draft' | 'fact', request: string, answer: string }[]}
 */
export function generateExamples(seed, count) {
    const random = randomGenerator(seed);
    const pick = (list) => list[Math.floor(random() * list.length)];

    /** What someone says in a chat, and how a summary puts it. */
    function statement() {
        const event = pick(Events);
        const day = pick(Days);
        const time = pick(Times);
        const item = pick(Items);
        const place = pick(Places);
        return pick([
            {
                said: `${capitalize(event)} is moved to ${day} at ${time}.`,
                summary: `said that ${event} is moved to ${day} at ${time}`,
            },
            { said: `I will bring ${item} on ${day}.`, summary: `will bring ${item} on ${day}` },
            { said: `I can not come to ${event} on ${day}.`, summary: `can not come to ${event} on ${day}` },
            { said: `Let us meet at ${place} at ${time}.`, summary: `wants to meet at ${place} at ${time}` },
            { said: `Please send me ${item} before ${day}.`, summary: `asks for ${item} before ${day}` },
            { said: `I lost ${item} near ${place}.`, summary: `lost ${item} near ${place}` },
        ]);
    }

    function summary() {
        const speakers = random() < 0.6 ? 2 : random() < 0.5 ? 1 : 3;
        const names = [];
        while (names.length < speakers) {
            const name = pick(Names);
            if (!names.includes(name)) names.push(name);
        }
        const lines = names.map((name) => ({ name, ...statement() }));
        const chat = lines.map(({ name, said }) => `${name}: ${said}`).join('\n');
        const answer = lines.map(({ name, summary }) => `${name} ${summary}.`).join(' ');
        return { kind: 'summary', request: pick(SummaryRequests) + chat, answer };
    }

    function draft() {
        const name = pick(Names);
        const item = pick(Items);
        const event = pick(Events);
        const day = pick(Days);
        const time = pick(Times);
        const place = pick(Places);
        const [request, answer] = pick([
            [
                `Write a polite message to ${name} to ask for ${item} by ${day}.`,
                `Dear ${name}, could you please send me ${item} by ${day}? Thank you very much.`,
            ],
            [
                `Write a short message to ${name} to move ${event} to ${day} at ${time}.`,
                `Hi ${name}, can we move ${event} to ${day} at ${time}? Please let me know if that works for you.`,
            ],
            [
                `Draft a message to thank ${name} for ${item}.`,
                `Hi ${name}, thank you so much for ${item}. It was very kind of you.`,
            ],
            [
                `Draft a message to invite ${name} to ${event} at ${place} on ${day}.`,
                `Hi ${name}, I would like to invite you to ${event} at ${place} on ${day}. I hope you can come.`,
            ],
            [
                `Write a message to tell ${name} that I am late for ${event}.`,
                `Hi ${name}, I am sorry, but I am running late for ${event}. I will be there soon.`,
            ],
        ]);
        return { kind: 'draft', request, answer };
    }

    function fact() {
        const [request, answer] = pick(Facts);
        return { kind: 'fact', request, answer };
    }

    return Array.from({ length: count }, () => {
        const share = random();
        if (share < 0.5) return summary();
        return share < 0.85 ? draft() : fact();
    });
}

/** One training document in ChatML. */
export function toChatML({ request, answer }) {
    return `<|im_start|>user\n${request}<|im_end|>\n<|im_start|>assistant\n${answer}<|im_end|>\n`;
}

function main() {
    const { values } = parseArgs({
        options: {
            seed: { type: 'string', default: String(TrainingSeed) },
            examples: { type: 'string', default: String(TrainingExamples) },
            out: { type: 'string', default: 'corpus.jsonl' },
        },
    });
    const documents = generateExamples(Number(values.seed), Number(values.examples)).map(toChatML);
    writeFileSync(values.out, documents.map((document) => JSON.stringify(document)).join('\n'));
    const characters = documents.reduce((sum, document) => sum + document.length, 0);
    console.log(`${documents.length} examples, ${characters} characters, in ${values.out}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();
