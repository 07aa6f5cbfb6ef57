/** A way to the call server that a test can cut: TCP, and nothing understood of what passes. */

import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export class Cuttable {
  private readonly sockets = new Set<Socket>();
  private open = true;

  private constructor(private readonly server: Server) {}

  static async to(port: number): Promise<Cuttable> {
    const server = createServer();
    const way = new Cuttable(server);
    server.on("connection", (socket) => way.join(socket, port));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return way;
  }

  get url(): string {
    const { port } = this.server.address() as AddressInfo;
    return `ws://localhost:${port}/api/live_voice_call/chat`;
  }

  /** The network takes and brings nothing more of these connections, and tells nobody; new ones are well. */
  freeze(): void {
    for (const socket of this.sockets) {
      socket.unpipe();
      socket.pause();
    }
  }

  /** The network is gone, and stays away until `mend`. */
  cut(): void {
    this.open = false;
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  mend(): void {
    this.open = true;
  }

  close(): void {
    this.cut();
    this.server.close();
  }

  private join(near: Socket, port: number): void {
    if (!this.open) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(port, "127.0.0.1");
    for (const socket of [near, far]) {
      this.sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  }
}
