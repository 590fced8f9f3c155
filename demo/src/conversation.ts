/** What the client asks for during its day: the domain of the small model that ships. */
export type Task = { kind: 'summary' | 'draft'; prompt: string };

export const morning: Task[] = [
    {
        kind: 'summary',
        prompt: 'Summarize this chat:\nAnna: The review is moved to Friday at 3 pm.\nTom: I will bring the slides on Monday.',
    },
    { kind: 'draft', prompt: 'Write a polite message to Lena to ask for the budget by Friday.' },
    {
        kind: 'summary',
        prompt: 'Give a short summary of this chat:\nSam: Please send me the invoice before Friday.\nLeo: Let us meet at the library at 5 pm.',
    },
    { kind: 'draft', prompt: 'Draft a message to invite Max to the party at the cafe on Sunday.' },
    { kind: 'summary', prompt: 'Summarize:\nMila: I can not come to the dinner on Sunday.\nZoe: I lost the keys near the park.' },
    { kind: 'draft', prompt: 'Write a short message to Peter to move the call to Tuesday at 10 am.' },
];

/** Asked through the local OpenAI-compatible endpoint by the official client. */
export const afternoon: Task[] = [
    { kind: 'draft', prompt: 'Write a message to tell Kate that I am late for the workshop.' },
    { kind: 'summary', prompt: 'Summarize:\nPaul: The demo is moved to Thursday at noon.\nOlga: I will bring the laptop on Thursday.' },
];

/** Put out to auction as one job, in the evening. */
export const batch: string[] = [
    'Summarize:\nNina: The workshop is moved to Tuesday at 4 pm.\nBen: I will bring the projector on Tuesday.',
    'Write a short message to Anna to move the meeting to Monday at 9 am.',
    'Give a short summary of this chat:\nEva: Please send me the report before Thursday.\nJan: Let us meet at the station at 6 pm.',
    'Draft a message to invite Laura to the dinner at the park on Saturday.',
    'Write a polite message to Simon to ask for the contract by Wednesday.',
];

/** Most tokens of an answer. */
export const AnswerTokens = 80;
