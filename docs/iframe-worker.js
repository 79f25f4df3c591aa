// A browser starts no worker for a page that it reads from a disk. The search asks for one, so there it gets the same
// script in a hidden frame, with the part of a worker's manners that it uses: messages both ways, in order.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(address) {
      super();
      this.waiting = [];
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.documentElement.append(frame);
      this.inside = frame.contentWindow;
      this.inside.postMessage = (data) => this.say(this, data);
      this.inside.importScripts = () => undefined;
      const script = frame.contentDocument.createElement("script");
      script.src = address;
      script.onload = () => {
        for (const data of this.waiting) this.say(this.inside, data);
        this.waiting = null;
      };
      frame.contentDocument.documentElement.append(script);
    }

    postMessage(data) {
      if (this.waiting) this.waiting.push(data);
      else this.say(this.inside, data);
    }

    say(to, data) {
      setTimeout(() => {
        const event = new MessageEvent("message", { data });
        to.dispatchEvent(event);
        if (to === this && this.onmessage) this.onmessage(event);
      });
    }

    terminate() {}
  };
}
