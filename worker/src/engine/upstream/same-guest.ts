/**
 * Whether a server is a process of this very machine, so that a quote of the machine speaks for it as well. Only literal
 * loopback addresses count: what a name means is decided by files and servers that nobody has measured.
 */
export function isSameGuest(url: string): boolean {
    const { hostname } = new URL(url);
    return hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}
