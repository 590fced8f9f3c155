const Entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
};

/** For text and for attributes in double quotes. */
export function escapeHtml(text: string): string {
    return text.replace(/[&<>"']/g, (character) => Entities[character]);
}

/** JSON inside a script element: nothing in it can end the element or begin a comment. */
export function scriptJson(value: unknown): string {
    return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
