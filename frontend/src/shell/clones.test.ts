import { afterEach, describe, expect, it, vi } from "vitest";
import { CloneRefusal, deleteClone, fetchClones, makeClone } from "./clones";

const asked = vi.fn();

function answering(status: number, body: unknown) {
  asked.mockReset();
  vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
    asked(path, init);
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return new Response(status === 204 ? null : text, { status });
  });
}

afterEach(() => vi.unstubAllGlobals());

const WISH = {
  name: "小明",
  language: "zh-CN",
  gender: "male",
  sample: null,
  url: "https://a.example/me.wav",
};

describe("cloned voices", () => {
  it("are as the server has them, and what makes no sense has failed", async () => {
    const ready = { id: "a", name: { zh: "小明" }, status: "ready", problem: "", detail: "" };
    answering(200, {
      possible: true,
      allowed: true,
      uploads: false,
      voices: [ready, { id: "b" }, "nonsense"],
    });
    expect(await fetchClones()).toEqual({
      allowed: true,
      uploads: false,
      voices: [
        { id: "a", name: "小明", status: "ready", problem: "", detail: "" },
        { id: "b", name: "", status: "failed", problem: "", detail: "" },
      ],
    });
  });

  it.each([{ possible: false, allowed: true }, { possible: true, allowed: false }, {}])(
    "are not for everyone: %j",
    async (body) => {
      answering(200, body);
      expect((await fetchClones()).allowed).toBe(false);
    },
  );

  it("are asked for with consent, and with a recording or its address", async () => {
    answering(202, {});
    await makeClone(WISH);
    const told = asked.mock.calls[0]?.[1].body as FormData;
    expect(Object.fromEntries(told)).toEqual({
      name: "小明",
      language: "zh-CN",
      gender: "male",
      consent: "true",
      url: "https://a.example/me.wav",
    });
    await makeClone({ ...WISH, sample: new Blob(["sound"]) });
    const sent = asked.mock.calls[1]?.[1].body as FormData;
    expect([...sent.keys()]).toEqual(["name", "language", "gender", "consent", "sample"]);
  });

  it("are deleted by their ids", async () => {
    answering(204, "");
    await deleteClone("dashscope.clone-1");
    expect(asked).toHaveBeenCalledWith(
      "/api/voices/dashscope.clone-1",
      expect.objectContaining({ method: "DELETE" }),
    );
  });

  it.each([
    [400, { code: "too_short", error: "4.0 s" }, "too_short", "4.0 s"],
    [502, "<html>", "502", "HTTP 502"],
    [413, "[]", "413", "HTTP 413"],
  ])("are refused with a reason: %i %j", async (status, body, problem, words) => {
    answering(status, body);
    const refusal = await makeClone(WISH).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(CloneRefusal);
    expect(refusal).toMatchObject({ problem, message: words });
  });
});
