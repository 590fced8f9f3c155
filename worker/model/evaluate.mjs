/**
 * Counts the answers that are exactly right, on examples of another seed than the training set's.
 *
 *   node evaluate.mjs [--model tiny-chat.gguf] [--examples 2000] [--seed 987654]
 *
 * "unseen" are the examples whose request does not occur in the training set. All facts do, by design.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { getLlama, JinjaTemplateChatWrapper, LlamaChat, LlamaLogLevel } from 'node-llama-cpp';

import { EvaluationSeed, generateExamples, TrainingExamples, TrainingSeed } from './generate-corpus.mjs';

const Sequences = 4;
const ContextTokens = 256;
const MaxTokens = 100;
const ShownMistakes = 6;

const { values } = parseArgs({
    options: {
        model: { type: 'string', default: fileURLToPath(new URL('tiny-chat.gguf', import.meta.url)) },
        examples: { type: 'string', default: '2000' },
        seed: { type: 'string', default: String(EvaluationSeed) },
    },
});

const seen = new Set(generateExamples(TrainingSeed, TrainingExamples).map(({ request }) => request));
const examples = generateExamples(Number(values.seed), Number(values.examples));

const llama = await getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    logLevel: LlamaLogLevel.error,
});
const model = await llama.loadModel({ modelPath: values.model });
// One thread: the model is so small that waking a second one takes longer than a step.
const context = await model.createContext({ contextSize: ContextTokens, sequences: Sequences, threads: 1 });
const template = model.fileInfo.metadata.tokenizer.chat_template;

const results = {};
const mistakes = [];
let next = 0;

async function answerAll() {
    const chatWrapper = new JinjaTemplateChatWrapper({ template });
    const chat = new LlamaChat({ contextSequence: context.getSequence(), chatWrapper });
    while (next < examples.length) {
        const { kind, request, answer } = examples[next++];
        await chat.sequence.clearHistory();
        const history = [
            { type: 'user', text: request },
            { type: 'model', response: [] },
        ];
        const { response } = await chat.generateResponse(history, { maxTokens: MaxTokens, temperature: 0 });
        const correct = response.trim() === answer;
        const row = (results[kind] ??= { examples: 0, exact: 0, unseen: 0, 'unseen exact': 0 });
        row.examples += 1;
        row.exact += Number(correct);
        if (!seen.has(request)) {
            row.unseen += 1;
            row['unseen exact'] += Number(correct);
        }
        if (!correct && mistakes.length < ShownMistakes) mistakes.push({ expected: answer, answered: response });
    }
}

await Promise.all(Array.from({ length: Sequences }, answerAll));
console.table(results);
for (const { expected, answered } of mistakes) console.log(`expected  ${expected}\nanswered  ${answered}\n`);
await llama.dispose();
